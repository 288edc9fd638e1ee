//! One migration in a world of its own: two hosts, their daemons, QEMU and what connects them, on a virtual clock. A
//! seed decides what happens next and what goes wrong. `make simulate` runs a million; `SEED=…` runs one and tells it.

mod caller;
mod dice;
mod judge;
mod kind;
mod model;
mod plan;
mod reality;
mod requests;
mod scenarios;
mod schedules;
mod setup;
mod shrink;
mod sim;
mod task;
mod troubles;
mod world;
