//! What the engine has done: orders, for whoever carries them out.

use std::time::Duration;

use crate::action::{Action, Throttle};

/// The number of an order, and the attempt that it belongs to. Whoever carries an order out gives it back with the
/// reply, so that one that belongs to an attempt that is over cannot be taken for one of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket {
    /// Counts all orders of one migration.
    pub number: u64,
    /// Counts the calls of one migration, from 0.
    pub attempt: u32,
}

/// One thing to do. Several may be out at once, and may be carried out at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Make libvirt's call, which blocks until the migration is over. Reply: [`Called`](super::Reply::Called).
    Call(Terms),
    /// Find a connection to watch through, have events delivered over it, and read what belongs to the guest.
    /// Reply: [`Subscribed`](super::Reply::Subscribed).
    Prepare,
    /// Have events delivered, which were not to be had before. Reply: [`Subscribed`](super::Reply::Subscribed).
    Subscribe,
    /// Have a connection to the destination at hand, for the end. Reply: [`Reached`](super::Reply::Reached).
    Reach,
    /// Read the job's statistics and, with `state`, the domain's state. Reply: [`Sampled`](super::Reply::Sampled).
    Sample {
        /// The state as well.
        state: bool,
    },
    /// Find out whether a change can be made. Reply: [`Changed`](super::Reply::Changed).
    Probe(Probe),
    /// Change something. Reply: [`Changed`](super::Reply::Changed).
    Change(Change),
    /// Ask the source what the guest does, then the destination unless the source's answer settles it.
    /// Reply: [`Asked`](super::Reply::Asked).
    Ask,
    /// Ask both hosts over connections of their own: the ones in use may hang. Reply: [`Asked`](super::Reply::Asked).
    Look,
    /// Reach the source over another connection, and have events delivered over it.
    /// Reply: [`Reconnected`](super::Reply::Reconnected).
    Reconnect,
    /// Ask both hosts for all that a remedy follows from. Reply: [`Viewed`](super::Reply::Viewed).
    View,
    /// Read the statistics of the job that is over. Reply: [`Completed`](super::Reply::Completed).
    Completed,
    /// Bring what belongs to the guest to its new host. Reply: [`Brought`](super::Reply::Brought).
    Bring,
}

/// How a call is made besides what its parameters say: what runs before have taught. Nothing of it for the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// The guest is throttled.
    pub throttle: Option<Throttle>,
    /// Memory is compressed with zstd, over so many connections.
    pub connections: Option<u8>,
}

impl Terms {
    /// The same with what a run is ended for.
    pub(super) const fn with(self, action: Action) -> Self {
        match action {
            Action::Restart(throttle) => Self { throttle: Some(throttle), ..self },
            Action::RestartCompressed(connections) => Self { connections: Some(connections), ..self },
            _ => self,
        }
    }
}

/// What is found out before a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The destination writes definitions: one of nothing, which it removes again.
    Definition,
    /// Both hosts take compressed memory over several connections, `post_copy` in a migration that may switch to that.
    Compression {
        /// It may.
        post_copy: bool,
    },
}

/// Something that changes the migration or the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Set the longest pause, ms.
    SetMaxDowntime(u64),
    /// Limit the bandwidth, before or in post-copy.
    SetBandwidth {
        /// MiB/s; 0 is unlimited.
        mib_per_second: u64,
        /// The limit of post-copy.
        post_copy: bool,
    },
    /// Switch to post-copy.
    StartPostCopy,
    /// Pause the guest at the source.
    Pause,
    /// Abort the job.
    Abort,
    /// Have QEMU finish an abort in which it hangs. It refuses where there is none.
    FinishAbort,
    /// Have the guest go on at the source.
    Resume,
    /// Have the guest go on at the destination, which it was sent to paused.
    ResumeDestination,
    /// Stop a post-copy that hangs, so that it counts as broken at both hosts.
    Release,
    /// End the guest at the source.
    DestroySource,
    /// End the guest at the destination.
    DestroyDestination,
    /// Remove the source's definition.
    UndefineSource,
    /// Remove the destination's definition.
    UndefineDestination,
}

impl Order {
    /// Whether it changes something in the world. While such an order is out a migration has not ended.
    pub const fn changes(&self) -> bool {
        matches!(self, Self::Call(_) | Self::Change(_) | Self::Bring | Self::Probe(Probe::Definition))
    }
}

/// How long the end waits for something that is out before it is told without it.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
