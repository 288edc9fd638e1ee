//! What the engine is told.

use super::order::{Order, Ticket};
use crate::belongings::Brought;
use crate::domain::DomainEvent;
use crate::error::LibvirtError;
use crate::fact::Fact;
use crate::job::JobInfo;
use crate::location::{Answer, Answers, GuestLocation};
use crate::state::DomainState;
use crate::{Error, Result};

/// Something that happened.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and taken at once")]
pub enum Input {
    /// Time has passed: at [`wake_at`](super::Engine::wake_at) at the latest.
    Woken,
    /// libvirt has told something without being asked.
    Event(DomainEvent),
    /// An order was carried out, or could not be.
    Done(Ticket, Reply),
    /// The user wants something. Its number comes back with the answer.
    Wish(u64, Wish),
    /// Somebody else has done something to the migration, and libvirt took it.
    Outside(Outside),
}

/// What a user may want of a migration that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Abort it.
    Abort,
    /// Get it over at any price.
    Force,
    /// Set the longest pause, ms.
    SetMaxDowntime(u64),
    /// Limit the bandwidth, MiB/s; 0 is unlimited.
    SetBandwidth(u64),
}

/// What others may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// The guest was paused in order to get it over.
    Paused,
    /// It was switched to post-copy.
    PostCopy,
    /// It was aborted.
    Aborted,
}

/// What came of an order.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The call returned.
    Called {
        /// What it said.
        result: Result<()>,
        /// Whether its connection stands.
        connected: bool,
        /// Where the guest is, where whoever made the call found that out.
        location: Option<GuestLocation>,
    },
    /// Whether events are delivered now.
    Subscribed {
        /// They are.
        events: bool,
    },
    /// The destination was reached, or not.
    Reached,
    /// A look at the migration.
    Sampled {
        /// The job's statistics.
        job: Result<Box<JobInfo>>,
        /// The domain's state, where it was asked for.
        state: Option<Result<DomainState>>,
        /// Whether the connection stands.
        connected: bool,
    },
    /// A change was made, or refused.
    Changed {
        /// What libvirt said.
        result: Result<()>,
        /// The domain's state after an abort that was refused.
        state: Fact<DomainState>,
    },
    /// What both hosts say.
    Asked(Answers),
    /// Where the guest is by what both hosts say, from whoever judges that already.
    Located(GuestLocation),
    /// What another connection to the source found.
    Reconnected(Reconnected),
    /// All that a remedy follows from.
    Viewed(Viewed),
    /// The statistics of the job that is over.
    Completed(Result<Box<JobInfo>>),
    /// What came along.
    Brought(Brought),
}

/// What another connection to the source finds.
#[derive(Debug, Clone)]
pub enum Reconnected {
    /// The guest.
    There {
        /// Events are delivered.
        events: bool,
    },
    /// The host does not know the guest any more.
    Gone,
    /// There is no connection to be had now.
    Failed(Error),
}

/// What both hosts say of a guest that may have to be put right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewed {
    /// The source's answer.
    pub source: Answer,
    /// The destination's answer.
    pub destination: Answer,
    /// The source's outgoing migration: what of the memory has moved, and what is left.
    pub job: Fact<Moved>,
    /// The destination keeps a persistent definition.
    pub persistent: Fact<()>,
}

/// What of a guest has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// Memory sent, bytes.
    pub processed: Option<u64>,
    /// Memory left, bytes.
    pub remaining: Option<u64>,
}

impl Reply {
    /// What is replied where an order ended in a fault of ours: that nothing is known of it.
    pub fn fault(order: &Order) -> Self {
        let error = || Error::from(LibvirtError::found_here(LibvirtError::OPERATION_TIMEOUT, FAULT));
        match order {
            Order::Call(_) => Self::Called { result: Err(error()), connected: true, location: None },
            Order::Prepare | Order::Subscribe => Self::Subscribed { events: false },
            Order::Reach => Self::Reached,
            Order::Sample { state } => {
                Self::Sampled { job: Err(error()), state: state.then(|| Err(error())), connected: true }
            }
            Order::Probe(_) | Order::Change(_) => {
                Self::Changed { result: Err(error()), state: Fact::Unknown }
            }
            Order::Ask | Order::Look => {
                Self::Asked(Answers { source: Answer::Unknown, destination: Answer::Unknown })
            }
            Order::Reconnect => Self::Reconnected(Reconnected::Failed(error())),
            Order::View => Self::Viewed(Viewed {
                source: Answer::Unknown,
                destination: Answer::Unknown,
                job: Fact::Unknown,
                persistent: Fact::Unknown,
            }),
            Order::Completed => Self::Completed(Err(error())),
            Order::Bring => Self::Brought(Brought::default()),
        }
    }
}

const FAULT: &str = "a fault of libvirt-migrate: nothing is known of what was asked for";
