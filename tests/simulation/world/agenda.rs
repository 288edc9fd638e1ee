//! What is going to happen, in the order of its time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Since the beginning, µs.
pub type Time = u64;
/// A millisecond.
pub const MS: Time = 1000;
/// A second.
pub const S: Time = 1000 * MS;

struct Entry<T> {
    when: Time,
    number: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.when, self.number).cmp(&(other.when, other.number))
    }
}

/// See the module. What is to happen at the same time happens in the order in which it was put in.
pub struct Agenda<T> {
    entries: BinaryHeap<Reverse<Entry<T>>>,
    number: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { entries: BinaryHeap::new(), number: 0 }
    }
}

impl<T> Agenda<T> {
    pub fn put(&mut self, when: Time, what: T) {
        self.number += 1;
        self.entries.push(Reverse(Entry { when, number: self.number, what }));
    }

    pub fn next(&mut self) -> Option<(Time, T)> {
        self.entries.pop().map(|Reverse(entry)| (entry.when, entry.what))
    }
}
