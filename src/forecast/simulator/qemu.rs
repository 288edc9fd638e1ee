//! QEMU's migration thread.

use crate::job::{JobInfo, JobType};
use crate::policy::Throttle;

use super::{Guest, Link, STEP};

const PAGE: f64 = 4096.0;

/// How a migration is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start {
    /// auto-converge, with its two figures.
    pub throttle: Option<Throttle>,
    /// Disks to copy first, bytes.
    pub disks: f64,
    /// Memory beside the guest's that is empty, bytes: the first pass finds it so.
    pub empty: f64,
    /// How much faster memory travels compressed; `None` where a host does not take it.
    pub compresses: Option<f64>,
}

/// A migration, step by step.
#[derive(Debug, Clone)]
pub struct Qemu {
    guest: Guest,
    link: Link,
    start: Start,
    pub limit_ms: u64,
    pub paused: bool,
    pub post_copy: bool,
    /// The throughput that libvirt tells, as a part of the one that QEMU decides by.
    told: f64,
    /// The pause that the guest saw, s, once it is over.
    pub pause: Option<f64>,
    disk_left: f64,
    /// Dirty when the pass began and not sent yet.
    left: f64,
    /// Empty, and not looked at yet.
    empty: f64,
    /// Dirtied since, as the next reading of the dirty log will find it.
    fresh: f64,
    iteration: u64,
    sent: f64,
    bandwidth: f64,
    window: (f64, f64),
    period: (f64, f64, f64),
    dirty_rate: f64,
    throttle: f64,
    high: u32,
}

/// How fast pages are found to be empty, bytes/s.
const LOOKED_AT: f64 = 2e9;

/// What stopping the guest, the devices' state and starting it again take, s.
pub const OVERHEAD: f64 = 0.02;

impl Qemu {
    pub fn new(guest: Guest, link: Link, start: Start, at: f64) -> Self {
        Self {
            guest,
            link,
            start,
            limit_ms: 300,
            paused: false,
            post_copy: false,
            told: 1.0,
            pause: None,
            disk_left: start.disks,
            left: guest.memory,
            empty: start.empty,
            fresh: 0.0,
            iteration: 0,
            sent: 0.0,
            bandwidth: 0.0,
            window: (at, 0.0),
            period: (at, 0.0, 0.0),
            dirty_rate: 0.0,
            throttle: 0.0,
            high: 0,
        }
    }

    /// The same, but libvirt tells this part of the throughput.
    pub fn told(self, told: f64) -> Self {
        Self { told, ..self }
    }

    /// Bytes sent.
    pub fn sent(&self) -> f64 {
        self.sent
    }

    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Goes on by one step from `at`; `true` once the guest is at the destination with all its memory.
    pub fn step(&mut self, at: f64) -> bool {
        let carried = self.link.at(at) * STEP;
        if self.disk_left > 0.0 {
            self.disk_left = (self.disk_left - carried).max(0.0);
            (self.window, self.period) = ((at + STEP, 0.0), (at + STEP, 0.0, 0.0));
            return false;
        }
        self.iteration = self.iteration.max(1);
        if !self.paused && !self.post_copy {
            self.fresh += self.guest.dirties(at, STEP, self.fresh, self.throttle);
        }
        let sent = self.between_empty(carried).min(self.left);
        self.left -= sent;
        self.sent += sent;
        self.measure(at + STEP, sent);
        if self.post_copy {
            return self.left + self.empty <= 0.0;
        }
        let threshold = self.bandwidth * self.limit_ms as f64 / 1000.0;
        let waiting = self.left + self.empty;
        if waiting > 0.0 && waiting > threshold {
            return false;
        }
        self.read_dirty_log(at + STEP);
        if self.left + self.empty <= threshold || (self.paused && self.left <= 0.0) {
            self.pause = Some(self.left / self.link.at(at) + OVERHEAD);
            return true;
        }
        self.iteration += 1;
        false
    }

    /// What is sent in a step in which the link carries so much, where empty pages lie among those that are sent.
    fn between_empty(&mut self, carried: f64) -> f64 {
        if self.empty <= 0.0 {
            return carried;
        }
        let part = self.empty / (self.empty + self.left);
        let passed = STEP / (part / LOOKED_AT + (1.0 - part) * STEP / carried);
        self.empty -= part * passed;
        if self.empty < PAGE {
            self.empty = 0.0;
        }
        (1.0 - part) * passed
    }

    /// Runs the guest at the destination; all that is dirty is fetched.
    pub fn start_post_copy(&mut self, at: f64) {
        self.read_dirty_log(at);
        self.post_copy = true;
        self.pause = Some(OVERHEAD);
    }

    fn measure(&mut self, at: f64, sent: f64) {
        self.window.1 += sent;
        self.period.2 += sent;
        let time = at - self.window.0;
        if time >= 0.0999 {
            self.bandwidth = self.window.1 / time;
            self.window = (at, 0.0);
        }
    }

    fn read_dirty_log(&mut self, at: f64) {
        // Pages that still wait are as likely to be hit again as any other of the working set.
        let waiting = (self.left / self.guest.hot).min(1.0);
        let found = if self.iteration <= 1 { self.fresh } else { self.fresh * (1.0 - waiting) };
        self.left = (self.left + found).min(self.guest.memory);
        self.fresh = 0.0;
        self.period.1 += found;
        let (from, dirtied, sent) = self.period;
        if at - from < 1.0 {
            return;
        }
        self.dirty_rate = dirtied / (at - from);
        self.period = (at, 0.0, 0.0);
        let Some(figures) = self.start.throttle else { return };
        if dirtied > sent / 2.0 {
            self.high += 1;
            if self.high >= 2 {
                self.high = 0;
                let next = match self.throttle {
                    0.0 => f64::from(figures.initial),
                    now => now + f64::from(figures.increment),
                };
                self.throttle = next.min(99.0);
            }
        }
    }

    /// What libvirt tells of it.
    pub fn job(&self) -> JobInfo {
        let disks = self.start.disks > 0.0;
        let memory = self.iteration > 0;
        let count = |bytes: f64| Some(bytes as u64);
        JobInfo {
            kind: JobType::Unbounded,
            disk_total: disks.then_some(self.start.disks as u64),
            disk_processed: disks.then_some((self.start.disks - self.disk_left) as u64),
            disk_remaining: disks.then_some(self.disk_left as u64),
            memory_total: count(self.guest.memory + self.start.empty).filter(|_| memory),
            memory_processed: count(self.sent).filter(|_| memory),
            memory_remaining: count(self.left + self.empty).filter(|_| memory),
            memory_constant: count((self.start.empty - self.empty) / PAGE).filter(|_| memory),
            memory_bps: count(self.bandwidth * self.told).filter(|_| memory),
            memory_dirty_rate: count(self.dirty_rate / PAGE).filter(|_| memory),
            memory_iteration: Some(self.iteration).filter(|_| memory),
            memory_page_size: Some(PAGE as u64),
            auto_converge_throttle: Some(self.throttle as i64),
            ..JobInfo::default()
        }
    }
}
