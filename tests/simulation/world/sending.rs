//! QEMU's passes over the memory, and what libvirt tells of them.

use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::job::{JobInfo, JobType};

use super::{Flow, MS, Phase, S, Side, Stage, Step, Time, World};

const PAGE: f64 = 4096.0;

/// What has been sent, and what is being sent.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    /// The pass over the memory; 0 before the first.
    pub pass: u64,
    /// What this one sends, bytes.
    pub bytes: f64,
    pub started: Time,
    pub time: Time,
    /// What those before have sent.
    pub before: f64,
    /// The longest pause that is allowed, s.
    pub limit: f64,
    /// The most that may be sent, bytes/s.
    pub bandwidth: f64,
    /// Which plan of this pass's end, or of post-copy's, holds.
    pub token: u32,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            pass: 0,
            bytes: 0.0,
            started: 0,
            time: 1,
            before: 0.0,
            limit: 0.3,
            bandwidth: f64::INFINITY,
            token: 0,
        }
    }
}

impl Sending {
    fn part(&self, now: Time) -> f64 {
        (now.saturating_sub(self.started) as f64 / self.time as f64).min(1.0)
    }
}

impl World {
    /// How fast the QEMUs' connection is now, bytes/s.
    pub fn rate(&self) -> f64 {
        let limit = self.flow.as_ref().map_or(f64::INFINITY, |flow| flow.sending.bandwidth);
        let link = self.load.bandwidth / self.links.slow.max(1.0);
        link.min(limit).max(1e6)
    }

    fn dirty_rate(&self) -> f64 {
        let throttled = self.flow.as_ref().is_some_and(|flow| flow.throttled);
        match (self.now >= self.load.calm, throttled) {
            (true, _) => 0.0,
            (false, true) => self.load.dirty * 0.2,
            (false, false) => self.load.dirty,
        }
    }

    pub(super) fn next_pass(&mut self, bytes: f64) {
        let (now, rate) = (self.now, self.rate());
        let Some(flow) = &mut self.flow else { return };
        let sending = &mut flow.sending;
        sending.before += sending.bytes;
        (sending.bytes, sending.started) = (bytes, now);
        sending.time = ((bytes / rate * S as f64) as Time).max(50 * MS);
        sending.pass += 1;
        sending.token += 1;
        let (pass, when) = (sending.pass, now + sending.time);
        let step = Step::PassOver(flow.id, sending.token);
        self.due.push((when, step));
        self.news.push(DomainEvent::Iteration(pass));
        self.stage(Stage::Pass(pass));
    }

    /// QEMU stops the guest where the rest can be sent within the pause that is allowed, and else sends it beside.
    pub(super) fn pass_over(&mut self, id: u32, token: u32) {
        let Some(flow) = &self.flow else { return };
        let sending = flow.sending;
        if flow.phase != Phase::Perform || !flow.stream || sending.token != token {
            return;
        }
        let rest = self.dirtied(sending.time);
        if rest > sending.limit * self.rate() {
            return self.next_pass(rest);
        }
        let started = self.now;
        if let Some(flow) = &mut self.flow {
            let sending = &mut flow.sending;
            sending.before += sending.bytes;
            (sending.bytes, sending.started, sending.time) = (rest, started, S);
        }
        if let Some(qemu) = &mut self.host(Side::Source).qemu {
            qemu.cpus = false;
        }
        self.after(1, 20, Step::Switchover(id));
    }

    fn dirtied(&self, time: Time) -> f64 {
        if !self.at(Side::Source).runs() {
            return 0.0;
        }
        let seconds = time as f64 / S as f64;
        self.load.hot * (1.0 - (-self.dirty_rate() * seconds / self.load.hot).exp())
    }

    /// What is left to send, bytes.
    pub(super) fn rest(&self) -> f64 {
        let Some(flow) = &self.flow else { return 0.0 };
        flow.sending.bytes * (1.0 - flow.sending.part(self.now))
    }

    /// QEMU goes on in post-copy with what is left.
    pub(super) fn send_in_post_copy(&mut self) {
        let left = self.rest() + self.load.hot.min(self.load.memory) * 0.3;
        let time = ((left / self.rate() * S as f64) as Time).max(50 * MS);
        let now = self.now;
        let Some(flow) = &mut self.flow else { return };
        let sending = &mut flow.sending;
        sending.before += sending.bytes * sending.part(now);
        (sending.bytes, sending.started, sending.time) = (left, now, time);
        sending.token += 1;
        let step = Step::PostCopyDone(flow.id, sending.token);
        self.due.push((now + time, step));
    }

    /// The job's statistics as libvirt tells them.
    pub fn statistics(&self, flow: &Flow, kind: JobType) -> JobInfo {
        let ms = (self.now - flow.began) / MS;
        let mut job = JobInfo { kind, operation: Some(5), time_elapsed: Some(ms), ..JobInfo::default() };
        if matches!(flow.phase, Phase::Begin | Phase::Prepare | Phase::Unseen) {
            return job;
        }
        let sending = flow.sending;
        if self.load.disks > 0.0 {
            let copied = if sending.pass > 0 { self.load.disks } else { self.load.disks / 2.0 };
            (job.disk_total, job.disk_processed) = (Some(self.load.disks as u64), Some(copied as u64));
            job.disk_remaining = Some((self.load.disks - copied) as u64);
        }
        if sending.pass == 0 {
            return job;
        }
        // What is cut off does not move on.
        let now = self.links.still_since().map_or(self.now, |since| since.min(self.now));
        // What breaks once all was sent takes nothing of that back.
        let sent = matches!(flow.phase, Phase::Done | Phase::Confirming);
        let part = if flow.stream || sent { sending.part(now) } else { 0.5 };
        let processed = sending.before + sending.bytes * part;
        job.memory_total = Some(self.load.memory as u64);
        job.memory_processed = Some(processed as u64);
        job.memory_remaining = Some((sending.bytes * (1.0 - part)) as u64);
        job.data_processed = Some(processed as u64);
        job.memory_iteration = Some(sending.pass);
        job.memory_bps = Some(self.rate() as u64);
        job.memory_page_size = Some(PAGE as u64);
        let dirty = if sending.pass > 1 { self.dirty_rate() } else { 0.0 };
        job.memory_dirty_rate = Some((dirty / PAGE) as u64);
        job.downtime = Some((sending.limit * 1e3) as u64);
        job
    }
}
