//! The forecast of a guest of which this and that is known, and this and that is not.

use super::candidates::is_unsteady;
use super::{Dirtied, Forecast, Range, Situation, forecast};
use crate::Result;
use crate::policy::Convergence;

const MIB: f64 = 1048576.0;

/// What links commonly carry, bytes/s: 1, 10 and 25 Gbit/s. One of them is taken where nobody knows it.
pub const COMMON_LINKS: [f64; 3] = [125e6, 1250e6, 3125e6];

/// What a link carries of what its name says, and what it carries another time, as parts.
const OFF_GIVEN: [f64; 2] = [1.0, 0.9];
const OFF_LEARNT: [f64; 3] = [1.0, 0.85, 1.15];

/// What QEMU's process has beside its guest's memory: seen with QEMU 7.2 and a guest of 128 MiB.
const OWN: f64 = 40.0 * MIB;

/// From the call to the first byte, and from the last one to the call's return: seen in the lab, most on a machine with ten
/// times the work that it has processors for.
const AROUND: Range = Range { least: 0.4, expected: 0.7, most: 4.0 };

/// How it is known what a link carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkFrom {
    /// Somebody has said so.
    Given,
    /// A migration of this process between these hosts has found it.
    Learnt,
    /// It is not: common ones are taken.
    Unknown,
}

impl LinkFrom {
    /// The name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Learnt => "learnt",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known of a guest and of its way. Sizes are bytes, rates bytes/s.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    /// The memory that it has.
    pub total: f64,
    /// What its hypervisor's process has of it in memory, and beside it.
    pub resident: Option<f64>,
    /// What was measured of its writes.
    pub dirtied: Vec<Dirtied>,
    /// What somebody has said of the link.
    pub given: Option<f64>,
    /// What was learnt of it.
    pub learnt: Option<f64>,
    /// Disks that are copied.
    pub disks: f64,
    /// What could not be known, a sentence each.
    pub unknown: Vec<String>,
}

/// How the migration of a guest will go, and what that was made of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Prospect {
    /// Over whichever link of those that it may be.
    pub forecast: Forecast,
    /// The same for each of them, bytes/s: one where the link is known.
    pub by_link: Vec<(f64, Forecast)>,
    /// How the link is known.
    pub link_from: LinkFrom,
    /// Memory that is sent at least once, bytes.
    pub memory: f64,
    /// What was measured of its writes.
    pub dirtied: Vec<Dirtied>,
    /// What could not be known, a sentence each.
    pub unknown: Vec<String>,
}

impl Known {
    /// The forecast with this intent.
    pub fn prospect(&self, intent: &Convergence) -> Result<Prospect> {
        let (links, link_from, off): (Vec<f64>, _, &[f64]) = match (self.given, self.learnt) {
            (Some(link), _) => (vec![link], LinkFrom::Given, &OFF_GIVEN),
            (None, Some(link)) => (vec![link], LinkFrom::Learnt, &OFF_LEARNT),
            (None, None) => (COMMON_LINKS.to_vec(), LinkFrom::Unknown, &OFF_GIVEN[..1]),
        };
        let memory = self.memory();
        let over = |links: &[f64]| {
            let situation = Situation {
                memory,
                empty: (self.total - memory).max(0.0),
                links: links.iter().flat_map(|link| off.iter().map(move |part| part * link)).collect(),
                dirtied: self.dirtied.clone(),
                disks: self.disks,
                around: AROUND,
            };
            forecast(&situation, intent)
        };
        let by_link = links
            .iter()
            .map(|link| Ok((*link, over(&[*link])?)))
            .collect::<Result<Vec<(f64, Forecast)>>>()?;
        let forecast = match by_link.as_slice() {
            [(_, only)] => only.clone(),
            _ => over(&links)?,
        };
        let unknown = self.not_known(intent, link_from);
        Ok(Prospect { forecast, by_link, link_from, memory, dirtied: self.dirtied.clone(), unknown })
    }

    /// What is sent at least once: what the process has, without what is its own, and what was seen written.
    fn memory(&self) -> f64 {
        let written = self.dirtied.iter().map(|one| one.bytes).fold(1.0, f64::max);
        self.resident.map_or(self.total, |resident| resident - OWN).max(written).min(self.total.max(1.0))
    }

    fn not_known(&self, intent: &Convergence, link_from: LinkFrom) -> Vec<String> {
        let mut unknown = self.unknown.clone();
        let mut say = |is_so: bool, what: &str| {
            if is_so {
                unknown.push(what.to_owned());
            }
        };
        say(link_from == LinkFrom::Unknown, "what the link carries: common ones are taken");
        say(self.resident.is_none(), "how much of the memory is empty: all of it is taken to be sent");
        say(
            is_unsteady(&self.dirtied),
            "when the guest writes: it was found writing now and then, and a migration may meet either",
        );
        say(
            intent.exclusive(),
            "how long the source takes to end its process, which is a part of an exclusive pause",
        );
        unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let dirtied = vec![Dirtied::new(1.0, 10.0 * MIB), Dirtied::new(3.0, 11.0 * MIB)];
        Known { total: 4096.0 * MIB, resident: Some(1064.0 * MIB), dirtied, ..Known::default() }
    }

    fn told(known: &Known) -> Prospect {
        known.prospect(&Convergence::default()).unwrap()
    }

    #[test]
    fn what_is_empty_is_not_sent() {
        let full = Known { resident: None, given: Some(125e6), ..known() };
        let mostly_empty = Known { given: Some(125e6), ..known() };
        let (full, mostly_empty) = (told(&full), told(&mostly_empty));
        assert_eq!((full.memory / MIB, mostly_empty.memory / MIB), (4096.0, 1024.0));
        let (long, short) = (full.forecast.time.unwrap(), mostly_empty.forecast.time.unwrap());
        // 4096 MiB at 119 MiB/s, and a quarter of it.
        assert!((34.0..40.0).contains(&long.expected), "{long:?}");
        // Looking at 3 GiB takes a while as well.
        assert!((10.0..14.0).contains(&short.expected), "{short:?}");
        assert!(full.unknown.iter().any(|what| what.contains("empty")), "{:?}", full.unknown);
        assert_eq!(mostly_empty.unknown, Vec::<String>::new());
    }

    #[test]
    fn a_link_that_nobody_knows_is_one_of_the_common_ones() {
        let prospect = told(&known());
        assert_eq!(prospect.link_from, LinkFrom::Unknown);
        assert_eq!(prospect.by_link.len(), COMMON_LINKS.len());
        let times: Vec<_> = prospect.by_link.iter().map(|(_, one)| one.time.unwrap().expected).collect();
        assert!(times.is_sorted_by(|one, other| one > other), "{times:?}");
        let all = prospect.forecast.time.unwrap();
        assert!(all.least <= times[2] && times[0] <= all.most, "{all:?}");
        assert!(prospect.unknown[0].contains("link"), "{:?}", prospect.unknown);
    }

    #[test]
    fn what_somebody_says_counts_more_than_what_was_learnt() {
        let both = Known { given: Some(125e6), learnt: Some(50e6), ..known() };
        let prospect = told(&both);
        assert_eq!((prospect.link_from, prospect.by_link[0].0), (LinkFrom::Given, 125e6));
        let prospect = told(&Known { given: None, ..both });
        assert_eq!((prospect.link_from, prospect.by_link[0].0), (LinkFrom::Learnt, 50e6));
        let time = prospect.forecast.time.unwrap();
        assert!(time.least < 0.95 * time.expected && time.most > 1.05 * time.expected, "{time:?}");
    }

    #[test]
    fn figures_that_do_not_fit_together_are_taken_for_what_they_are() {
        for (total, resident) in
            [(0.0, None), (1.0, Some(0.0)), (100.0 * MIB, Some(1e12)), (100.0 * MIB, Some(1.0))]
        {
            let odd = Known { total, resident, given: Some(1e9), ..known() };
            let prospect = told(&odd);
            assert!(prospect.memory >= 1.0 && prospect.memory <= total.max(1.0), "{prospect:?}");
        }
        let nothing = Known { given: Some(f64::NAN), ..known() };
        assert!(nothing.prospect(&Convergence::default()).is_err());
    }
}
