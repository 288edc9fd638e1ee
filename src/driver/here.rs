//! A migration whose call and whose end are its caller's thread's alone: for a domain whose calls belong to that thread, and
//! for callers who watch and steer by themselves.

use std::sync::Arc;
use std::time::Duration;

use super::call::make_here;
use super::shared::{Shared, left};
use crate::domain::EventSink;
use crate::engine::{Input, Order};

/// Runs it on this thread to its end.
pub(super) fn run(shared: &Shared) {
    // Nobody subscribes: events are for those who watch.
    let sink: EventSink = Arc::new(|_| {});
    let mut wanted = shared.handle(None);
    while !wanted.ended {
        let mut orders = std::mem::take(&mut wanted.orders).into_iter().peekable();
        if orders.peek().is_none() {
            // Without an order that is out it always wants to be woken, or has ended.
            std::thread::sleep(left(wanted.wake_at).unwrap_or(Duration::from_secs(1)));
            wanted = shared.handle(Some(Input::Woken));
            continue;
        }
        for (ticket, order) in orders {
            let input = match order {
                Order::Call(_) => make_here(shared, ticket),
                order => shared.carry_out(ticket, &order, &sink),
            };
            let next = shared.handle(Some(input));
            wanted.orders.extend(next.orders);
            (wanted.wake_at, wanted.ended) = (next.wake_at, wanted.ended || next.ended);
        }
    }
    shared.ground.let_go();
}
