//! Convergence: what to do with a running migration, decided from samples of it.
//!
//! All of it is pure. A [`Policy`] is told what is measured ([`Sample`]) and answers with what to do
//! ([`Decision`]); whoever runs the migration carries that out and says how it went. There is no clock, no
//! input or output, and no thread here, so a test can run thousands of simulated migrations in seconds.
//! `docs/convergence.md` says in plain words how each policy decides.

mod adaptive;
mod apply;
mod estimate;
mod intent;
mod options;
mod sample;
mod schedule;
mod steps;
mod text;
mod throttle;

use std::time::Duration;

pub use crate::action::{Action, Decision, Throttle};
pub(crate) use estimate::Estimate;
pub use intent::{Convergence, Intent, Method, OnDeadline};
pub use options::ScheduleOptions;
pub use sample::{Context, DEFAULT_DOWNTIME_MS, Sample};
pub use schedule::{DowntimeStep, completion_timeout, downtime_steps};

use crate::flags::MigrateFlags;

/// What a policy thinks of a migration.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Outlook {
    /// Too little has been seen, or the policy does not judge.
    #[default]
    Unknown,
    /// The memory that is left gets less.
    Converging,
    /// The guest dirties memory as fast as it is moved: waiting alone will not end it.
    Stuck {
        /// The iteration in which that was found.
        iteration: u64,
        /// A sentence with the figures.
        reason: String,
    },
}

/// Decides about one migration.
///
/// The caller goes through this, always in this order:
/// 1. [`begin`](Self::begin) before each run of the job: the first, and the one after [`Action::Restart`].
/// 2. [`observe`](Self::observe) for every sample, in the order of `elapsed`.
/// 3. For each [`Decision`], once it was carried out: [`succeeded`](Self::succeeded) or
///    [`failed`](Self::failed). Until then the policy counts the action as under way and does not ask again.
///
/// An action that succeeded is never asked for again in the same run; one that failed is asked for again.
pub trait Policy: Send {
    /// What to do before there is anything to measure, as soon as the hypervisor takes it.
    fn begin(&mut self, at: Duration) -> Vec<Decision>;

    /// What to do now.
    fn observe(&mut self, sample: &Sample) -> Vec<Decision>;

    /// An action was carried out.
    fn succeeded(&mut self, action: &Action);

    /// An action was refused or failed at `at` (since the start of the migration).
    fn failed(&mut self, action: &Action, at: Duration);

    /// Whether a decision only waits for the next sample to say the same as the last one, so that it should be soon.
    fn is_about_to_decide(&self) -> bool {
        false
    }

    /// What the policy thinks of the migration.
    fn outlook(&self) -> Outlook {
        Outlook::Unknown
    }
}

/// The policy for an intent, in a migration that has these flags ([`Convergence::apply`] gives them).
pub fn policy(convergence: &Convergence, flags: MigrateFlags) -> Box<dyn Policy> {
    let post_copy = flags.contains(MigrateFlags::POSTCOPY);
    match convergence.method() {
        Method::Adaptive => Box::new(adaptive::Adaptive::new(convergence, flags)),
        Method::Schedule(options) => Box::new(schedule::Schedule::new(*options, post_copy)),
    }
}
