//! What the samples say together: smoothed rates, and how much was left when each pass began.

use std::time::Duration;

use super::Sample;

/// The time over which rates are smoothed. QEMU measures the throughput every 100 ms; five of them even the
/// noise out and still follow a link that changes.
const SMOOTHING: Duration = Duration::from_millis(500);

/// The time over which the throughput is smoothed that a drop of the link is seen against: one is waited out for about
/// ten seconds, and a link that stays slow is the new usual then.
const USUAL: Duration = Duration::from_secs(5);

/// What is sent in the first moment is what sockets and queues take at once: what the link carries comes after it.
const BURST: Duration = Duration::from_millis(400);

/// The link has dropped where it carries less than this part of the usual. Noise does not look like that.
const DROP: f64 = 0.7;

/// A guest from which passes gain less than this part of what is carried keeps up with the link: it would take
/// ten times as long to end as moving what is left takes, and a little more load means for ever.
pub(crate) const LEAST_GAIN: f64 = 0.1;

/// A working set of which 95 % is found dirty was written this many times over, where writes are random.
const AGAIN: f64 = 3.0;

/// Passes whose begin is kept.
const KEPT: usize = 6;

/// A rate, smoothed exponentially over time, so that samples may come as they like.
#[derive(Debug, Clone, Copy)]
struct Smoothed {
    over: Duration,
    value: Option<f64>,
    at: Duration,
}

impl Smoothed {
    fn over(over: Duration) -> Self {
        Self { over, value: None, at: Duration::ZERO }
    }

    /// Takes a measurement in; `None` and nonsense change nothing.
    fn observe(&mut self, measured: Option<f64>, at: Duration) {
        let Some(measured) = measured.filter(|rate| rate.is_finite() && *rate >= 0.0) else { return };
        let since = at.saturating_sub(self.at).as_secs_f64();
        let weight = 1.0 - (-since / self.over.as_secs_f64()).exp();
        self.value = Some(self.value.map_or(measured, |old| old + weight * (measured - old)));
        self.at = at;
    }

    /// The smoothed rate; `None` before the first measurement.
    fn value(self) -> Option<f64> {
        self.value
    }
}

/// A pass over the memory that was dirty when it began.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pass {
    iteration: u64,
    began: Duration,
    /// The most that was seen left in it: what is left falls until the next pass begins.
    left: u64,
}

/// The memory of one run of the job.
#[derive(Debug, Clone)]
pub(crate) struct Estimate {
    throughput: Smoothed,
    usual: Smoothed,
    dirty_rate: Smoothed,
    iteration: u64,
    passes: Vec<Pass>,
    memory_began: Option<Duration>,
    first_pass: Option<Duration>,
    saturated: bool,
    /// The first pass would have taken this long with nothing but the link to wait for, s.
    first_sent: f64,
    /// As the usual, since the first moment was over; and what had been seen by then.
    link: Smoothed,
    first_seen: Option<(u64, u64)>,
    /// When the link was last seen to have dropped.
    dropped: Option<Duration>,
    /// What the last sample told of memory that needed no sending, and of what was sent, bytes.
    seen: (u64, u64),
}

impl Default for Estimate {
    fn default() -> Self {
        let smoothed = Smoothed::over(SMOOTHING);
        Self {
            throughput: smoothed,
            usual: Smoothed::over(USUAL),
            dirty_rate: smoothed,
            iteration: 0,
            passes: Vec::new(),
            memory_began: None,
            first_pass: None,
            saturated: false,
            first_sent: 0.0,
            link: Smoothed::over(USUAL),
            first_seen: None,
            dropped: None,
            seen: (0, 0),
        }
    }
}

impl Estimate {
    /// Takes a sample of the memory phase in. An iteration lower than before belongs to a new run of the job.
    pub(crate) fn observe(&mut self, sample: &Sample) {
        if sample.iteration < self.iteration {
            *self = Self::default();
        }
        self.iteration = sample.iteration;
        let only_looked_at = self.mostly_constant(sample);
        let throughput = sample.throughput.filter(|rate| *rate > 0.0 && !only_looked_at);
        self.throughput.observe(throughput, sample.elapsed);
        self.usual.observe(throughput, sample.elapsed);
        if self.moved_for(sample.elapsed).is_some_and(|moved| moved >= BURST) {
            self.first_seen.get_or_insert(self.seen);
            self.link.observe(throughput, sample.elapsed);
        }
        if self.link_has_dropped() {
            self.dropped = Some(sample.elapsed);
        }
        self.dirty_rate.observe(sample.dirty_rate, sample.elapsed);
        let began = *self.memory_began.get_or_insert(sample.elapsed);
        if sample.iteration < 2 {
            self.first_sent = self.throughput().map_or(0.0, |rate| sample.memory_processed as f64 / rate);
            return;
        }
        self.first_pass.get_or_insert(sample.elapsed.saturating_sub(began));
        match self.passes.last_mut() {
            Some(pass) if pass.iteration >= sample.iteration => {
                pass.left = pass.left.max(sample.memory_remaining);
            }
            _ => {
                if self.passes.len() == KEPT {
                    self.passes.remove(0);
                }
                self.passes.push(Pass {
                    iteration: sample.iteration,
                    began: sample.elapsed,
                    left: sample.memory_remaining,
                });
                self.compare_first_passes();
            }
        }
    }

    /// Whether more memory was gone through since the last sample that needed no sending than was sent: the processor set
    /// the pace then, and the throughput tells nothing of the link.
    fn mostly_constant(&mut self, sample: &Sample) -> bool {
        let (constant, sent) =
            std::mem::replace(&mut self.seen, (sample.memory_constant, sample.memory_processed));
        sample.memory_constant.saturating_sub(constant) > sample.memory_processed.saturating_sub(sent)
    }

    /// Whether the second pass found more than its time lets expect from what the first one found.
    fn compare_first_passes(&mut self) {
        let ([second, third], Some(first_pass)) = (self.passes.as_slice(), self.first_pass) else { return };
        let time =
            third.began.saturating_sub(second.began).as_secs_f64() / first_pass.as_secs_f64().max(1e-9);
        let found = third.left as f64 / second.left.max(1) as f64;
        self.saturated = time < 0.9 && found > (1.0 + time) / 2.0;
    }

    /// Bytes/s that the link carries.
    pub(crate) fn throughput(&self) -> Option<f64> {
        self.throughput.value()
    }

    /// Bytes/s that the guest dirties: QEMU's figure, or, since QEMU has none in the first second, what is
    /// carried less what the passes gain.
    pub(crate) fn dirty_rate(&self) -> Option<f64> {
        self.dirty_rate.value().or_else(|| {
            let throughput = self.throughput()?;
            Some(throughput * (1.0 - self.gain_between(self.passes.len().checked_sub(2)?)?).max(0.0))
        })
    }

    /// Bytes/s that the guest writes, as far as that can be seen: more than the dirty rate, since QEMU counts a
    /// page once a pass however often it is written.
    ///
    /// With a limit of `limit` seconds that much memory is dirty all the time, and writes hit it as often as
    /// the rest. And a second pass that was shorter than the first but found as much hit a working set whose
    /// pages are written again and again.
    pub(crate) fn written(&self, limit: f64) -> Option<f64> {
        let dirty_already = (limit / self.pause()?).clamp(0.0, 0.9);
        // QEMU's figure may still count the time of the first pass.
        let dirty = self.dirty_rate()?.max(self.throughput()? * (1.0 - self.gain()?));
        let again = if self.saturated { AGAIN } else { 1.0 };
        Some(again * dirty / (1.0 - dirty_already))
    }

    /// What is left now, as s of the throughput, with what was dirtied since the pass began, which QEMU does
    /// not know yet.
    pub(crate) fn rest(&self, at: Duration) -> Option<f64> {
        let since = at.saturating_sub(self.passes.last()?.began).as_secs_f64();
        Some((self.pause()? - self.progress()? * since).max(0.0))
    }

    /// For how long memory has moved; `None` before it does.
    pub(crate) fn moved_for(&self, at: Duration) -> Option<Duration> {
        Some(at.saturating_sub(self.memory_began?))
    }

    /// How long the first pass took; `None` before it is over.
    pub(crate) fn first_pass(&self) -> Option<Duration> {
        self.first_pass
    }

    /// Whether the link carries much less than it did a few seconds ago. What cannot be undone waits until it is back,
    /// or until that is how it is.
    pub(crate) fn link_has_dropped(&self) -> bool {
        self.throughput().zip(self.usual.value()).is_some_and(|(now, usual)| now < DROP * usual)
    }

    /// Whether this sample alone looks like a drop, which the smoothed throughput shows half a second later.
    pub(crate) fn link_may_drop(&self, sample: &Sample) -> bool {
        sample.throughput.zip(self.usual.value()).is_some_and(|(now, usual)| now < DROP * usual)
    }

    /// Bytes/s that the link has carried since the first moment; `None` before, and where it carries much less now.
    pub(crate) fn link(&self) -> Option<f64> {
        let link = self.link.value()?;
        (self.throughput()? >= DROP * link).then_some(link)
    }

    /// The part of the memory that was sent, of what was gone through since the first moment.
    pub(crate) fn sent_share(&self) -> f64 {
        let (constant, sent) = self.first_seen.unwrap_or_default();
        let sent = self.seen.1.saturating_sub(sent) as f64;
        sent / (sent + self.seen.0.saturating_sub(constant) as f64).max(1.0)
    }

    /// Bytes/s that the link carries, or did a few seconds ago where that was more.
    pub(crate) fn at_best(&self) -> Option<f64> {
        Some(self.throughput()?.max(self.usual.value()?))
    }

    /// As [`Self::pause`], over the link at its best.
    pub(crate) fn pause_at_best(&self) -> Option<f64> {
        Some(self.passes.last()?.left as f64 / self.at_best()?)
    }

    /// Whether the link has carried the usual ever since `since`.
    fn calm_since(&self, since: Duration) -> bool {
        self.dropped.is_none_or(|dropped| dropped < since)
    }

    /// How long the pass before the last one took, s: as seen, or what the link needed for it where samples are so far
    /// apart that they missed its begin. `None` where the link dropped meanwhile, or a pass was missed.
    pub(crate) fn last_pass(&self) -> Option<f64> {
        match self.passes.as_slice() {
            [only] => {
                let first = self.first_pass?.as_secs_f64().max(self.first_sent);
                (only.iteration == 2 && self.calm_since(self.memory_began?)).then_some(first)
            }
            [.., before, last] => {
                let took = last.began.checked_sub(before.began)?.as_secs_f64();
                let next = last.iteration == before.iteration + 1;
                (next && self.calm_since(before.began)).then_some(took)
            }
            [] => None,
        }
    }

    /// The pause, s, that would have moved all that was left when the last pass began.
    pub(crate) fn pause(&self) -> Option<f64> {
        Some(self.passes.last()?.left as f64 / self.throughput()?)
    }

    /// The part of what is carried by which the last passes came nearer to the end: 1 for a guest that dirties
    /// nothing, 0 or less for one that keeps up with the link.
    ///
    /// Nothing is lost on the way: what is left changes by what was dirtied less what was carried. So this is
    /// 1 - dirty rate / throughput without any need of the dirty rate, which QEMU has only after a second.
    pub(crate) fn gain(&self) -> Option<f64> {
        let count = self.passes.len();
        let newest = &self.passes[count.checked_sub(3)?..];
        if !self.calm_since(newest[0].began) {
            return None;
        }
        let seen_all = newest.windows(2).all(|two| two[1].iteration == two[0].iteration + 1);
        // Where passes are shorter than the time between two samples, each was met somewhere in its course,
        // and only several together tell something.
        if seen_all { self.gain_between(count - 3) } else { self.gain_between(count.checked_sub(KEPT)?) }
    }

    /// The pause, s, at which the passes settle if they go on like the last three; `None` where they do not
    /// get slower at getting less.
    pub(crate) fn settles(&self) -> Option<f64> {
        let [.., first, second, third] = self.passes.as_slice() else { return None };
        let (before, last) = (first.left as f64 - second.left as f64, second.left as f64 - third.left as f64);
        // Gains that shrink by the same factor each time add up to a geometric series.
        let factor = last / before;
        let rest = (before > 0.0 && (0.0..1.0).contains(&factor)).then(|| last * factor / (1.0 - factor))?;
        Some((third.left as f64 - rest) / self.throughput()?)
    }

    /// As [`Self::gain`], from a pass on.
    fn gain_between(&self, first: usize) -> Option<f64> {
        let (first, last) = (self.passes.get(first)?, self.passes.last()?);
        let carried = last.began.checked_sub(first.began)?.as_secs_f64() * self.throughput()?;
        (carried > 0.0).then(|| (first.left as f64 - last.left as f64) / carried)
    }

    /// Seconds until a limit of `limit` seconds would end the migration, `left` bytes being left now;
    /// infinite for a guest that keeps up with the link, `None` while that is unknown.
    pub(crate) fn seconds_until(&self, limit: f64, left: f64) -> Option<f64> {
        let (throughput, gain) = (self.throughput()?, self.progress()?);
        if gain < LEAST_GAIN {
            return Some(if self.pause()? > limit { f64::INFINITY } else { 0.0 });
        }
        Some((left - throughput * limit).max(0.0) / (gain * throughput))
    }

    /// The lower of what the passes gain and what QEMU's dirty rate lets expect, as a part of what is carried.
    pub(crate) fn progress(&self) -> Option<f64> {
        let expected = 1.0 - self.dirty_rate()? / self.throughput()?;
        Some(self.gain().map_or(expected, |gain| gain.min(expected)))
    }
}
