//! What is told of a migration: what was done, how it went on, how it ended.

mod outcome;
mod step;
mod update;

pub use outcome::Outcome;
pub use step::{Act, Step};
pub use update::{Update, UpdateSink};
