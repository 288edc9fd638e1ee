//! Where the guest truly is.

use libvirt_migrate::location::GuestLocation;

use super::{Phase, Side, World};

/// A set of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places(u16);

impl Places {
    pub fn has(self, place: GuestLocation) -> bool {
        self.0 & 1 << place as u8 != 0
    }

    fn with(self, place: GuestLocation, so: bool) -> Self {
        Self(self.0 | u16::from(so) << place as u8)
    }
}

impl World {
    /// All places that are true now. Where none is, only "unknown" can be told.
    pub fn places(&self) -> Places {
        use GuestLocation::*;
        let (here, there) = (self.at(Side::Source), self.at(Side::Destination));
        let (runs_here, runs_there) = (here.runs(), there.runs());
        let stands = !runs_here && !runs_there;
        // A source whose guest has run elsewhere has nothing but old memory.
        let fresh = stands && here.qemu.is_some() && !self.stale;
        let ended = here.qemu.is_none() && there.qemu.is_none();
        Places::default()
            .with(BothRunning, runs_here && runs_there)
            // QEMU has stopped it a moment ago, and libvirt does not know yet: by all that anyone can ask it runs.
            .with(SourceRunning, !runs_there && (runs_here || self.just_stopped()))
            .with(DestinationRunning, runs_there && !runs_here && there.whole())
            .with(SourcePaused, fresh)
            .with(DestinationPaused, stands && there.whole())
            .with(BothPaused, fresh && there.qemu.is_some())
            .with(PostCopyBroken, self.post_copy_is_broken())
            .with(SourceShutOff, ended && here.domain.is_some())
            .with(DestinationShutOff, ended && there.domain.is_some())
            .with(BothShutOff, ended && here.domain.is_some() && there.domain.is_some())
            .with(Absent, ended && here.domain.is_none() && there.domain.is_none())
            .with(Unknown, true)
    }

    fn just_stopped(&self) -> bool {
        let here = self.at(Side::Source);
        here.qemu.is_some() && here.domain.is_some_and(|domain| domain.state.is_running()) && !self.stale
    }

    /// The guest has begun to run at the destination without all of its memory, and one side says or proves that it stays
    /// so. A daemon's word that it broke counts even where QEMU has finished without it.
    fn post_copy_is_broken(&self) -> bool {
        let failed =
            |side: Side| self.at(side).domain.is_some_and(|domain| domain.state.is_post_copy_failed());
        let whole = self.at(Side::Destination).whole();
        let lost = |side: Side| self.stale && !whole && self.at(side).qemu.is_none();
        failed(Side::Source) || failed(Side::Destination) || lost(Side::Source) || lost(Side::Destination)
    }

    /// libvirt still works on a migration that is not over.
    pub fn migrates(&self) -> bool {
        self.flow.as_ref().is_some_and(|flow| flow.phase != Phase::Broken)
    }

    /// What a person sees of both hosts, in a line.
    pub fn in_words(&self) -> String {
        let host = |side: Side| {
            let host = self.at(side);
            let state = host.domain.map_or("absent".into(), |domain| {
                let kept = if domain.persistent { "" } else { " transient" };
                format!("[{},{}]{kept}", domain.state.code, domain.state.reason)
            });
            let qemu = match host.qemu {
                None => "no process",
                Some(qemu) => match (qemu.cpus, qemu.whole) {
                    (true, true) => "runs",
                    (true, false) => "runs in part",
                    (false, true) => "stands",
                    (false, false) => "stands in part",
                },
            };
            format!("{state} {qemu}, daemon {:?}", host.daemon)
        };
        let flow = self.flow.as_ref().map_or("no job".into(), |flow| format!("{:?}", flow.phase));
        format!("source {} | destination {} | {flow}", host(Side::Source), host(Side::Destination))
    }
}
