//! Why a guest cannot be put right from here, and what is safe to do.

/// Why nothing can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reason {
    SourceUnknown,
    DestinationUnknown,
    JobUnknown,
    SourceLost,
    DestinationLost,
    DestinationDeaf,
    MayHaveRun,
    NoDefinition,
    Twins,
    StandsThere,
    Both,
    EndedThere,
    ShutOff,
    BothShutOff,
    Absent,
    Nowhere,
}

impl Reason {
    /// What is the case, and what is safe to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::SourceUnknown => {
                "the source cannot be asked. Until it can be, start the guest nowhere else and end it nowhere"
            }
            Self::DestinationUnknown => {
                "the destination cannot be asked. Until it can be, neither resume the guest at the source nor \
                 end it there"
            }
            Self::JobUnknown => {
                "the source does not tell whether its migration still runs, and what is done beside one that runs \
                 could end it. Nothing was done; recover again once the source answers"
            }
            Self::SourceLost => {
                "post-copy broke and the source's part of the memory is gone, so the guest cannot be completed. \
                 It is safe to destroy it at the destination and to start it again from its disks, as after a \
                 power failure. If the source then cannot acquire the state change lock, its daemon has kept the \
                 job of the process that is gone: restart the daemon, its guests run on"
            }
            Self::DestinationLost => {
                "post-copy broke and the guest that ran at the destination is gone with its newest memory; what \
                 the source has is older than the disks. Do not resume it: destroy it at the source, and start \
                 it again from its disks, as after a power failure"
            }
            Self::DestinationDeaf => {
                "the destination still waits for memory over a connection that is dead, and libvirt cannot end \
                 that from here. Nothing is lost. End the connection on the destination's host (as root there: \
                 ss -K state established '( sport >= 49152 and sport <= 49215 )'), then recover again; destroy \
                 neither side"
            }
            Self::MayHaveRun => {
                "it waits at the source for a migration that is over, and may have run at the destination since. \
                 Resume it at the source only if it did not; its log there tells"
            }
            Self::NoDefinition => {
                "it runs at the destination and only the source keeps a definition of it. Define it at the \
                 destination before it is undefined at the source"
            }
            Self::Twins => {
                "it has gone on at both hosts, since libvirt lost the destination's answer at the switchover. It \
                 stands still at the source now and has lost nothing. The one at the destination went on first, \
                 unless its daemon hung: find out which one has been used since, and recover again with \
                 keep=\"destination\" or keep=\"source\", which ends the other"
            }
            Self::StandsThere => {
                "both hosts have all of it, and it stands still at the destination, as a guest does that was paused \
                 when it was migrated and whose arrival libvirt has lost. Unless somebody had it run there since, both \
                 are the same: recover again with keep=\"destination\", where it stays paused, or keep=\"source\", where \
                 it goes on; the other is ended. Never run both, which destroys its disks"
            }
            Self::Both => {
                "both hosts hold it in a state that no migration leaves. End it at neither before it is known \
                 which one has been used since; never run both, which destroys its disks"
            }
            Self::EndedThere => {
                "it ran at the destination and was shut down or destroyed there before all of its memory had \
                 arrived. What the source has is older than the disks: destroy it there, do not resume it. It can \
                 be started again where its disks are"
            }
            Self::ShutOff => {
                "it is shut off: it has ended, and no part of a migration is left. Start it where its definition \
                 is, when it is wanted again"
            }
            Self::BothShutOff => {
                "it is shut off, and both hosts have a definition of it. Start it where it ran last, and at one of \
                 them only"
            }
            Self::Absent => {
                "neither host knows it any more: it has ended, and nobody keeps a definition of it"
            }
            Self::Nowhere => "it is at neither of the two hosts",
        }
    }
}
