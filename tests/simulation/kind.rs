//! The kinds of orders: what goes wrong goes wrong with one of them.

use libvirt_migrate::engine::{Change, Order};

/// Orders by what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Call,
    Prepare,
    Subscribe,
    Reach,
    Sample,
    Probe,
    Steer,
    Pause,
    Abort,
    PostCopy,
    FinishAbort,
    Undo,
    Ask,
    Look,
    Reconnect,
    View,
    Completed,
    Bring,
}

impl Kind {
    pub const ALL: [Self; 18] = [
        Self::Call,
        Self::Prepare,
        Self::Subscribe,
        Self::Reach,
        Self::Sample,
        Self::Probe,
        Self::Steer,
        Self::Pause,
        Self::Abort,
        Self::PostCopy,
        Self::FinishAbort,
        Self::Undo,
        Self::Ask,
        Self::Look,
        Self::Reconnect,
        Self::View,
        Self::Completed,
        Self::Bring,
    ];

    pub const fn of(order: &Order) -> Self {
        match order {
            Order::Call(_) => Self::Call,
            Order::Prepare => Self::Prepare,
            Order::Subscribe => Self::Subscribe,
            Order::Reach => Self::Reach,
            Order::Sample { .. } => Self::Sample,
            Order::Probe(_) => Self::Probe,
            Order::Change(Change::SetMaxDowntime(_) | Change::SetBandwidth { .. }) => Self::Steer,
            Order::Change(Change::Pause) => Self::Pause,
            Order::Change(Change::Abort) => Self::Abort,
            Order::Change(Change::StartPostCopy) => Self::PostCopy,
            Order::Change(Change::FinishAbort) => Self::FinishAbort,
            Order::Change(_) => Self::Undo,
            Order::Ask => Self::Ask,
            Order::Look => Self::Look,
            Order::Reconnect => Self::Reconnect,
            Order::View => Self::View,
            Order::Completed => Self::Completed,
            Order::Bring => Self::Bring,
        }
    }
}
