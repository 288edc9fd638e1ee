//! A migration's tape: what was heard and what was ordered, a line each, where the environment names a folder for it.
//! For reports of what went wrong, and for the simulation, whose model is compared with tapes of the lab.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{Input, Order};

/// The folder. There is no tape without it.
const FOLDER: &str = "LIBVIRT_MIGRATE_TAPES";

/// One migration's.
pub(super) struct Tape(Option<File>);

impl Tape {
    /// A new one of the migration with this number in this process. One that cannot be written is none: nothing fails
    /// for it.
    pub fn new(id: u64) -> Self {
        let file = std::env::var_os(FOLDER).and_then(|folder| {
            let name = format!("{}-{id}.tape", std::process::id());
            OpenOptions::new().create_new(true).append(true).open(PathBuf::from(folder).join(name)).ok()
        });
        Self(file)
    }

    /// Something was heard.
    pub fn hear(&self, now: Duration, input: &Input) {
        if self.0.is_some()
            && let Some(words) = input.observed()
        {
            self.write(now, "in ", &words);
        }
    }

    /// Something was ordered.
    pub fn order(&self, now: Duration, order: &Order) {
        if self.0.is_some() {
            self.write(now, "out", &order_words(order));
        }
    }

    fn write(&self, now: Duration, way: &str, words: &str) {
        if let Some(mut file) = self.0.as_ref() {
            // A full disk ends the tape, not the migration.
            let _ = writeln!(file, "{:10.3} {way} {words}", now.as_secs_f64());
        }
    }
}

fn order_words(order: &Order) -> String {
    match order {
        Order::Change(change) => format!("{change:?}"),
        Order::Sample { .. } => "Sample".to_owned(),
        Order::Call(_) => "Call".to_owned(),
        order => format!("{order:?}"),
    }
}
