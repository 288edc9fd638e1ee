//! Our policy beside those of others, over the same random guests and links: Nova's schedule, and a detector of stalls as
//! KubeVirt's enhancement 248 describes it, as far as this simulator has what that goes by. The variable `GUESTS` says how many.

use std::time::Duration;

use crate::simulator::{Guest, Link, Load, MIB, Report, Start, Watch, migrate, symmetric};
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::policy::{
    Action, Convergence, Decision, Intent, OnDeadline, Policy, Sample, ScheduleOptions, policy,
};
use libvirt_migrate::progress::Phase;

/// The longest pause, s, for all of them.
const PAUSE: f64 = 0.5;
/// Nobody waits longer, s.
const LONGEST: f64 = 900.0;

/// A guest has stalled where no less is left than 96 % of the least that was left more than 40 s ago. Then post-copy begins, at the
/// next moment at which less is left than before. The limit is raised to the longest pause once what is left fits into it.
#[derive(Default)]
struct Stalls {
    seen: Vec<(f64, f64)>,
    throughput: Option<f64>,
    raised: bool,
    switched: bool,
}

impl Policy for Stalls {
    fn begin(&mut self, _: Duration) -> Vec<Decision> {
        Vec::new()
    }

    fn observe(&mut self, sample: &Sample) -> Vec<Decision> {
        if sample.phase != Phase::Memory || self.switched {
            return Vec::new();
        }
        let (at, left) = (sample.elapsed.as_secs_f64(), sample.memory_remaining as f64);
        if let Some(now) = sample.throughput {
            self.throughput = Some(self.throughput.map_or(now, |old| 0.4 * now + 0.6 * old));
        }
        let older = self.seen.iter().filter(|(then, _)| *then <= at - 40.0).map(|(_, left)| *left);
        let stalled = older.reduce(f64::min).is_some_and(|best| left >= 0.96 * best);
        let falls = self.seen.last().is_some_and(|(_, before)| left < *before);
        let fits = self.throughput.is_some_and(|rate| left / rate <= PAUSE);
        self.seen.push((at, left));
        let action = if fits && !self.raised && sample.iteration >= 2 {
            Action::SetMaxDowntime((PAUSE * 1000.0) as u64)
        } else if stalled && falls {
            Action::StartPostCopy
        } else {
            return Vec::new();
        };
        vec![Decision::new(sample.elapsed, action, "as described".to_owned())]
    }

    fn succeeded(&mut self, action: &Action) {
        self.raised |= matches!(action, Action::SetMaxDowntime(_));
        self.switched |= *action == Action::StartPostCopy;
    }

    fn failed(&mut self, _: &Action, _: Duration) {}
}

fn scene(index: u64) -> (Guest, Link) {
    let number =
        |what: u64, from: f64, to: f64| from + (to - from) * (symmetric(300 + what, index) + 1.0) / 2.0;
    let rate = 100.0 * 30f64.powf(number(1, 0.0, 1.0)) * MIB;
    let link = Link { rate, noise: number(5, 0.0, 0.15), seed: index, drop: None };
    let memory = number(2, 1.0, 20.0) * rate;
    let writes = 10f64.powf(number(4, -2.0, 1.0)) * rate;
    let load = match index % 4 {
        0 | 1 => Load::Steady(writes),
        2 => Load::Bursts { rate: writes, busy: number(6, 0.5, 6.0), calm: number(7, 0.5, 6.0) },
        _ => Load::Phases { first: writes, until: number(8, 1.0, 60.0), then: 0.1 * writes },
    };
    (Guest { memory, hot: number(3, 0.005, 1.0) * memory, load }, link)
}

/// What is compared of many migrations: the geometric mean of their times (s) and of what they send (as a part of the
/// memory), and their longest pause (s).
#[derive(Debug, Default)]
struct Sum {
    time: f64,
    sent: f64,
    pause: f64,
    count: f64,
}

impl Sum {
    fn add(&mut self, report: &Report, guest: Guest) {
        self.time += report.time.ln();
        self.sent += (report.sent / guest.memory).ln();
        self.pause = self.pause.max(report.pause.unwrap_or(0.0));
        self.count += 1.0;
    }

    fn means(&self) -> (f64, f64, f64) {
        ((self.time / self.count).exp(), (self.sent / self.count).exp(), self.pause)
    }
}

#[test]
fn ours_is_ahead_of_others_in_time_and_bytes() {
    let guests = std::env::var("GUESTS").ok().map_or(300, |many| many.parse().expect("GUESTS is a number"));
    let ours =
        Convergence::adaptive(Intent { max_downtime: PAUSE, post_copy: true, ..Intent::default() }).unwrap();
    let flags = F::DEFAULT | F::POSTCOPY;
    let mut sums: [Sum; 3] = Default::default();
    for index in 0..guests {
        let (guest, link) = scene(index);
        let nova = Convergence::schedule(ScheduleOptions {
            post_copy: true,
            timeout_action: OnDeadline::Force,
            data_gb: Some(ScheduleOptions::data_gb(guest.memory as u64, [])),
            ..ScheduleOptions::default()
        });
        let polled = |poll| Watch { poll, until: LONGEST, ..Watch::default() };
        let mut policies = [
            (policy(&ours, flags), 0.1),
            (policy(&nova.unwrap(), flags), 0.5),
            (Box::<Stalls>::default() as _, 0.4),
        ];
        for (sum, (policy, poll)) in sums.iter_mut().zip(&mut policies) {
            sum.add(&migrate(guest, link, Start::default(), polled(*poll), policy.as_mut()), guest);
        }
    }
    let [ours, others @ ..] = sums.map(|sum| sum.means());
    for (name, (time, sent, pause)) in
        ["adaptive", "Nova's schedule", "stalls"].iter().zip([ours, others[0], others[1]])
    {
        println!("{guests} guests, {name}: {time:.2} s, {sent:.3} × the memory, pause up to {pause:.3} s");
    }
    for (time, sent, _) in others {
        assert!(ours.0 < time && ours.1 < sent, "{ours:?} against {others:?}");
    }
    // A link that slows down while the rest is sent makes a pause longer than was measured.
    assert!(ours.2 <= PAUSE * 1.15, "{ours:?}");
}
