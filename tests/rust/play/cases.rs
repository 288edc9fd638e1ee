//! What the tests of the engine begin with.

use libvirt_migrate::domain::GuestFacts;
use libvirt_migrate::engine::{CONFIRM_FOR, Case, Moved, Scope, Viewed};
use libvirt_migrate::fact::Fact;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::Answer;
use libvirt_migrate::numbers::jobs::OPERATION_MIGRATION_OUT;
use libvirt_migrate::state::DomainState;

pub const RUNNING: DomainState = DomainState::new(1, 1);
pub const PAUSED: DomainState = DomainState::new(3, 1);
pub const MIGRATING: DomainState = DomainState::new(3, 2);
pub const POST_COPY: DomainState = DomainState::new(3, 12);
pub const POST_COPY_FAILED: DomainState = DomainState::new(3, 13);
pub const SHUT_OFF: DomainState = DomainState::new(5, 1);
pub const LEFT: DomainState = DomainState::new(5, 4);
pub const ARRIVED: DomainState = DomainState::new(1, 2);

pub const fn says(state: DomainState) -> Answer {
    Answer::State(state)
}

pub fn case(scope: Scope) -> Case {
    Case {
        guest: GuestFacts { name: Some("vm1".into()), state: Some(RUNNING), ..GuestFacts::default() },
        destination: true,
        flags: MigrateFlags::DEFAULT,
        scope,
        exclusive: false,
    }
}

pub fn whole() -> Case {
    case(Scope::Whole)
}

/// Beside a call of somebody else's.
pub fn beside() -> Case {
    case(Scope::Beside { confirm_for: CONFIRM_FOR })
}

pub fn paused() -> Case {
    let guest = GuestFacts { state: Some(PAUSED), ..whole().guest };
    Case { guest, ..whole() }
}

pub fn with(flags: MigrateFlags) -> Case {
    Case { flags: MigrateFlags::DEFAULT | flags, ..whole() }
}

/// One that is sent paused, so that it runs at both hosts at no moment.
pub fn exclusive() -> Case {
    Case { exclusive: true, ..with(MigrateFlags::PAUSED) }
}

/// A migration in this pass, with so much memory left.
pub fn memory(iteration: u64, left: u64) -> JobInfo {
    JobInfo {
        kind: JobType::Unbounded,
        operation: Some(OPERATION_MIGRATION_OUT),
        memory_iteration: Some(iteration),
        memory_total: Some(1 << 30),
        memory_processed: Some((1 << 30) - left),
        memory_remaining: Some(left),
        ..JobInfo::default()
    }
}

pub fn no_job() -> JobInfo {
    JobInfo::default()
}

/// The last statistics of a job.
pub fn last(kind: JobType) -> JobInfo {
    JobInfo { kind, downtime: Some(70), ..memory(3, 0) }
}

pub fn view(source: Answer, destination: Answer, job: Fact<Moved>) -> Viewed {
    Viewed { source, destination, job, persistent: Fact::Known(()) }
}
