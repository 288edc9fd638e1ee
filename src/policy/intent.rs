//! What the user wants of a migration: the pause, the deadline, and what is allowed.

use std::time::Duration;

use super::ScheduleOptions;
use crate::{Error, Result};

/// What to do when the deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDeadline {
    /// Give up; the guest goes on at the source.
    #[default]
    Abort,
    /// Finish at any price: by post-copy where it is allowed, else by pausing the guest until it has moved.
    Force,
}

/// An intent as the user states it, not checked yet. Times are seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Intent {
    /// The longest pause that the guest may see at the switchover, s.
    pub max_downtime: f64,
    /// When the migration should be over, s after its start; `None` waits for ever.
    pub deadline: Option<f64>,
    /// Post-copy may be used. If the link breaks then, the guest stands still until it is recovered.
    pub post_copy: bool,
    /// The guest may be slowed down.
    pub throttle: bool,
    /// What to do when the deadline passes.
    pub on_deadline: OnDeadline,
    /// The longest that the guest may run at the destination while memory of it is missing, s: where more than that
    /// would have to follow, post-copy is not begun. `None` has no bound. What is forced at the deadline is not held
    /// to it.
    pub max_post_copy: Option<f64>,
    /// At no moment may the guest run at both hosts, whatever breaks: it is sent paused, and has to be told to go on at
    /// the destination once the source is known to have given it up. Its pause is longer by that time.
    pub exclusive: bool,
}

impl Default for Intent {
    /// Nova's pause of 0.5 s (libvirt's limit of 300 ms is lower, but does not count the devices' state and the
    /// start at the destination), no deadline, and nothing else that the guest would notice.
    fn default() -> Self {
        Self {
            max_downtime: 0.5,
            deadline: None,
            post_copy: false,
            throttle: false,
            on_deadline: OnDeadline::Abort,
            max_post_copy: None,
            exclusive: false,
        }
    }
}

/// How convergence is brought about.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Method {
    /// From what is measured.
    Adaptive,
    /// By the clock, as Nova does.
    Schedule(ScheduleOptions),
}

/// The user's intent, checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convergence {
    max_downtime: Duration,
    deadline: Option<Duration>,
    post_copy: bool,
    throttle: bool,
    on_deadline: OnDeadline,
    max_post_copy: Option<Duration>,
    exclusive: bool,
    method: Method,
    chooses_transport: bool,
}

/// The longest pause that QEMU takes (`MAX_MIGRATE_DOWNTIME_SECONDS`).
pub(super) const LONGEST_PAUSE: f64 = 2000.0;
/// libvirt counts whole milliseconds.
const SHORTEST_PAUSE: f64 = 0.001;
/// Why the two exclude each other.
pub(super) const NEVER_IN_POST_COPY: &str = "does not go with post-copy, in which the guest runs at the destination \
                                             before the source has given it up";
/// Anything longer than a year is a slip.
pub(super) const LONGEST_DEADLINE: f64 = 365.0 * 86400.0;

impl Default for Convergence {
    fn default() -> Self {
        Self::adaptive(Intent::default()).expect("the default intent is valid")
    }
}

impl Convergence {
    /// The intent, brought about by what is measured. Refuses what makes no sense.
    pub fn adaptive(intent: Intent) -> Result<Self> {
        let max_downtime = seconds("max_downtime", intent.max_downtime, SHORTEST_PAUSE, LONGEST_PAUSE)?;
        let deadline = match intent.deadline {
            Some(deadline) => Some(seconds(
                "deadline",
                deadline,
                intent.max_downtime.max(SHORTEST_PAUSE),
                LONGEST_DEADLINE,
            )?),
            None if intent.on_deadline == OnDeadline::Force => {
                let reason = "needs a deadline: without one nothing is ever forced";
                return Err(Error::parameter("on_deadline", reason));
            }
            None => None,
        };
        if intent.max_post_copy.is_some() && !intent.post_copy {
            return Err(Error::parameter("max_post_copy", "bounds post-copy, which is not allowed"));
        }
        let most = |bound| seconds("max_post_copy", bound, SHORTEST_PAUSE, LONGEST_DEADLINE);
        let max_post_copy = intent.max_post_copy.map(most).transpose()?;
        if intent.exclusive && intent.post_copy {
            return Err(Error::parameter("exclusive", NEVER_IN_POST_COPY));
        }
        Ok(Self {
            max_downtime,
            deadline,
            post_copy: intent.post_copy,
            throttle: intent.throttle,
            on_deadline: intent.on_deadline,
            max_post_copy,
            exclusive: intent.exclusive,
            method: Method::Adaptive,
            chooses_transport: true,
        })
    }

    /// Nova's schedule. Refuses what Nova's own configuration refuses.
    pub fn schedule(options: ScheduleOptions) -> Result<Self> {
        options.check()?;
        Ok(Self {
            max_downtime: Duration::from_secs_f64(options.max_downtime),
            deadline: None,
            post_copy: options.post_copy,
            throttle: false,
            on_deadline: options.timeout_action,
            max_post_copy: None,
            exclusive: false,
            method: Method::Schedule(options),
            chooses_transport: false,
        })
    }

    /// The longest pause that the guest may see at the switchover.
    pub fn max_downtime(&self) -> Duration {
        self.max_downtime
    }

    /// The same in whole milliseconds, rounded down, at least 1.
    pub fn max_downtime_ms(&self) -> u64 {
        u64::try_from(self.max_downtime.as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// When the migration should be over. The schedule's depends on the data, and is not told here.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Whether post-copy may be used.
    pub fn post_copy(&self) -> bool {
        self.post_copy
    }

    /// Whether the guest may be slowed down.
    pub fn throttle(&self) -> bool {
        self.throttle
    }

    /// What to do when the deadline passes.
    pub fn on_deadline(&self) -> OnDeadline {
        self.on_deadline
    }

    /// The longest that the guest may run at the destination while memory of it is missing; `None` has no bound.
    pub fn max_post_copy(&self) -> Option<Duration> {
        self.max_post_copy
    }

    /// Whether the guest is sent paused, so that it runs at both hosts at no moment.
    pub fn exclusive(&self) -> bool {
        self.exclusive
    }

    /// How convergence is brought about.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Whether memory may travel otherwise than libvirt has it travel, where that is known to be faster.
    pub fn chooses_transport(&self) -> bool {
        self.chooses_transport
    }

    /// The same where that is allowed, or not. Nova's schedule never chooses.
    pub fn with_transport(mut self, chosen: bool) -> Self {
        self.chooses_transport = chosen && self.method == Method::Adaptive;
        self
    }

    /// The same without post-copy: for a paused guest, which libvirt does not move that way.
    pub fn without_post_copy(mut self) -> Self {
        (self.post_copy, self.max_post_copy) = (false, None);
        if let Method::Schedule(options) = &mut self.method {
            options.post_copy = false;
        }
        self
    }

    /// The same for a guest that is to stand still at the destination anyway: nobody has it go on there.
    pub fn without_exclusive(mut self) -> Self {
        self.exclusive = false;
        self
    }
}

fn seconds(name: &str, value: f64, least: f64, most: f64) -> Result<Duration> {
    if value.is_finite() && (least..=most).contains(&value) {
        return Ok(Duration::from_secs_f64(value));
    }
    Err(Error::parameter(name, format!("{value} s is not between {least} s and {most} s")))
}
