//! One migration as a state machine: what happens goes in with its time, orders and updates come out. Pure: it has no
//! clock, thread or lock, and knows neither libvirt nor Python.
//!
//! ```text
//! engine.handle(now, input)
//! while let Some((ticket, order)) = engine.poll_order()  { carry it out, and hand its reply in with the ticket }
//! while let Some((number, result)) = engine.poll_answer() { tell whoever wished for it }
//! while let Some(update) = engine.poll_update()           { tell it }
//! engine.wake_at()                                         { handle Input::Woken then, if nothing happens before }
//! ```
//!
//! Times are counted from the migration's start.

mod case;
mod input;
mod order;
mod pace;
mod silence;

use std::time::Duration;

pub use case::{Case, Scope};
pub use input::{Input, Moved, Outside, Reconnected, Reply, Viewed, Wish};
pub use order::{Change, Order, Ticket};

use crate::Result;
use crate::migration::Update;
use crate::policy::Policy;

/// One migration.
pub struct Engine {}

impl Engine {
    /// A migration that is to be started now. `now` is 0 then.
    pub fn start(case: Case, policy: Option<Box<dyn Policy>>) -> Self {
        let _ = (case, policy);
        todo!()
    }

    /// A migration that was found running, which others have started.
    pub fn adopt(case: Case, policy: Option<Box<dyn Policy>>) -> Self {
        let _ = (case, policy);
        todo!()
    }

    /// Takes something that happened `now`. Times do not go back.
    pub fn handle(&mut self, now: Duration, input: Input) {
        let _ = (now, input);
        todo!()
    }

    /// The next thing to do, if any is due.
    pub fn poll_order(&mut self) -> Option<(Ticket, Order)> {
        todo!()
    }

    /// The next answer to a wish, under its number.
    pub fn poll_answer(&mut self) -> Option<(u64, Result<()>)> {
        todo!()
    }

    /// The next thing to tell.
    pub fn poll_update(&mut self) -> Option<Update> {
        todo!()
    }

    /// When it wants to be handled next if nothing happens; `None` while it waits for replies alone, and after the end.
    pub fn wake_at(&self) -> Option<Duration> {
        todo!()
    }

    /// Whether it has ended: nothing that changes something is out, and nothing is ordered any more.
    pub fn is_ended(&self) -> bool {
        todo!()
    }
}
