//! How a migration will go, before it begins.
//!
//! What is known of the guest (its memory, and how much of it was found dirty after some time) and of the link is not enough to
//! name one guest: many fit to it. So several that do are moved in the [`simulator`] that the tests judge policies with, by the
//! policy that would move the real one; what they have in common is the forecast, and where they differ is its range.
//! Pure: who measures is not its business.

mod candidates;
mod prospect;
#[doc(hidden)]
pub mod simulator;

use std::time::Duration;

use crate::flags::MigrateFlags as F;
use crate::policy::{Convergence, Intent, Method, policy};
use crate::{Error, Result};
use candidates::{ERROR, candidates};
pub use prospect::{COMMON_LINKS, Known, LinkFrom, Prospect};
use simulator::{End, Guest, Link, Report, Start, Watch, migrate};

/// The memory that was found dirty a while after a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dirtied {
    /// After this time, s.
    pub after: f64,
    /// Bytes: each page counts once, however often it was written.
    pub bytes: f64,
    /// The part by which that may be off: pages are sampled.
    pub off: f64,
}

impl Dirtied {
    /// As far off as a measurement of a large guest is.
    pub fn new(after: f64, bytes: f64) -> Self {
        Self { after, bytes, off: ERROR }
    }
}

/// What is known before a migration. Sizes are bytes, rates bytes/s.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Situation {
    /// Memory that has to be moved: without pages that are known to be empty, where they are.
    pub memory: f64,
    /// Memory beside it that is empty: it is looked at, and not sent.
    pub empty: f64,
    /// What the link carries; each rate that it may be, where that is not known.
    pub links: Vec<f64>,
    /// What was measured of the guest; two times tell much more than one. Nothing stands for a guest that is not known: no
    /// forecast then is sure.
    pub dirtied: Vec<Dirtied>,
    /// Disks that are copied first.
    pub disks: f64,
    /// What comes before the first byte and after the last one, s: libvirt's steps, and two processes' start and end.
    pub around: Range,
}

/// A figure of which the candidates differ.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range {
    /// The least.
    pub least: f64,
    /// The median.
    pub expected: f64,
    /// The most.
    pub most: f64,
}

impl Range {
    fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        Some(Self { least, expected: figures[figures.len() / 2], most })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            least: self.least + other.least,
            expected: self.expected + other.expected,
            most: self.most + other.most,
        }
    }
}

/// What would end a migration that does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Help {
    /// A pause of so many ms.
    LongerPause(u64),
    /// Post-copy.
    PostCopy,
    /// Throttling.
    Throttle,
}

/// How a migration will go.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Forecast {
    /// Whether it comes to its end with what the intent allows.
    pub ends: bool,
    /// The part of the guests that fit to what is known of which that is so, 0.5 to 1.
    pub sure: f64,
    /// Whether post-copy ends it.
    pub post_copy: bool,
    /// How long it takes, s; `None` where it does not end.
    pub time: Option<Range>,
    /// The pause at the switchover, s.
    pub pause: Option<Range>,
    /// Passes over the memory.
    pub passes: Option<Range>,
    /// Memory that is sent, bytes.
    pub sent: Option<Range>,
    /// What would end it, the mildest first, where it does not end.
    pub helps: Vec<Help>,
}

/// As long as this many first passes, and a minute, is waited for an end.
const PATIENCE: f64 = 12.0;

/// Pauses that are tried as a help, as multiples of the one that is allowed.
const LONGER: [u64; 3] = [2, 4, 8];

/// How the migration will go. Refuses what is no size, no rate and no time.
///
/// A [`Method::Schedule`] needs what only the caller knows of Nova's options, and is refused.
pub fn forecast(situation: &Situation, intent: &Convergence) -> Result<Forecast> {
    check(situation)?;
    check_intent(intent)?;
    let guests = candidates(situation.memory, &situation.dirtied);
    let reports = moved(situation, &guests, intent)?;
    let over = |report: &&Report| matches!(report.end, End::Done | End::PostCopy);
    let ended: Vec<&Report> = reports.iter().filter(over).collect();
    let part = ended.len() as f64 / reports.len() as f64;
    let ends = part >= 0.5;
    let told = |figure: fn(&Report) -> Option<f64>| {
        Range::of(ended.iter().filter_map(|report| figure(report)).collect()).filter(|_| ends)
    };
    let by_post_copy = ended.iter().filter(|report| report.end == End::PostCopy).count();
    Ok(Forecast {
        ends,
        sure: part.max(1.0 - part),
        post_copy: ends && 2 * by_post_copy > ended.len(),
        time: told(|report| Some(report.time)).map(|time| time.plus(situation.around)),
        pause: told(|report| report.pause),
        passes: told(|report| Some(report.passes as f64)),
        sent: told(|report| Some(report.sent)),
        helps: if ends { Vec::new() } else { helps(situation, &guests, intent)? },
    })
}

/// Refuses an intent that there is no forecast for.
pub fn check_intent(intent: &Convergence) -> Result<()> {
    if matches!(intent.method(), Method::Adaptive) {
        return Ok(());
    }
    Err(Error::parameter("convergence", "the schedule has no forecast"))
}

fn check(situation: &Situation) -> Result<()> {
    let fine = |number: f64, least: f64| number.is_finite() && number >= least && number <= 1e18;
    let sizes =
        [("memory", situation.memory, 1.0), ("empty", situation.empty, 0.0), ("disks", situation.disks, 0.0)];
    let links = situation.links.iter().map(|link| ("link", *link, 1.0));
    if situation.links.is_empty() {
        return Err(Error::parameter("link", "is missing"));
    }
    for (name, number, least) in sizes.into_iter().chain(links) {
        if !fine(number, least) {
            return Err(Error::parameter(name, format!("{number} is not between {least} and 1e18")));
        }
    }
    for dirtied in &situation.dirtied {
        if !(fine(dirtied.after, 1e-3) && fine(dirtied.bytes, 0.0) && fine(dirtied.off, 0.0)) {
            let reason =
                format!("{} bytes after {} s is nothing that was measured", dirtied.bytes, dirtied.after);
            return Err(Error::parameter("dirtied", reason));
        }
    }
    Ok(())
}

/// Each of them, moved over each link.
fn moved(situation: &Situation, guests: &[Guest], intent: &Convergence) -> Result<Vec<Report>> {
    let mut flags = F::DEFAULT;
    flags.set(F::POSTCOPY, intent.post_copy());
    flags.set(F::NON_SHARED_DISK, situation.disks > 0.0);
    let start = Start { disks: situation.disks, empty: situation.empty, ..Start::default() };
    let one = |(seed, (rate, guest)): (usize, (f64, &Guest))| {
        let pass = (situation.memory + situation.disks) / rate;
        let watch = Watch { until: PATIENCE * pass + 60.0, ..Watch::default() };
        let link = Link { rate, noise: 0.05, seed: seed as u64, drop: None };
        migrate(*guest, link, start, watch, policy(&intent.with_transport(false), flags).as_mut())
    };
    let each = situation.links.iter().flat_map(|rate| guests.iter().map(move |guest| (*rate, guest)));
    Ok(each.enumerate().map(one).collect())
}

/// What would end it, in the order of what the guest notices of it.
fn helps(situation: &Situation, guests: &[Guest], intent: &Convergence) -> Result<Vec<Help>> {
    let plain = Intent {
        max_downtime: intent.max_downtime().as_secs_f64(),
        deadline: intent.deadline().map(|deadline: Duration| deadline.as_secs_f64()),
        ..Intent::default()
    };
    let ends = |intent: Intent| -> Result<bool> {
        let reports = moved(situation, guests, &Convergence::adaptive(intent)?)?;
        let over = reports.iter().filter(|report| matches!(report.end, End::Done | End::PostCopy)).count();
        Ok(2 * over > reports.len())
    };
    let mut found = Vec::new();
    for times in LONGER {
        let ms = intent.max_downtime_ms().saturating_mul(times);
        let longer = ms as f64 / 1000.0;
        let late = plain.deadline.is_some_and(|deadline| longer > deadline);
        if !late && ends(Intent { max_downtime: longer, ..plain }).unwrap_or(false) {
            found.push(Help::LongerPause(ms));
            break;
        }
    }
    if !intent.post_copy() && ends(Intent { post_copy: true, ..plain })? {
        found.push(Help::PostCopy);
    }
    if !intent.throttle() && ends(Intent { throttle: true, ..plain })? {
        found.push(Help::Throttle);
    }
    Ok(found)
}
