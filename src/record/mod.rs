//! What is told of a migration: what was done, how it went on, how it ended.

mod outcome;
mod step;

pub use outcome::Outcome;
pub use step::{Act, Step};
