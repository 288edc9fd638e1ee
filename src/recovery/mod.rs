//! Putting a guest right whose migration broke: [`Guest::recover`].
//!
//! `View::remedy` says what the next step is, from what both hosts say; `Recovery` asks them, takes the step
//! and looks again, until the guest is whole in one place or nothing more can be done from here.

mod steps;

use std::time::Duration;

use steps::Recovery;

pub use crate::remedy::Keep;
use crate::remedy::Remedy;

use crate::driver::same_process;
use crate::flags::MigrateFlags;
use crate::guest::Guest;
use crate::location::GuestLocation;
use crate::params::MigrateParams;
use crate::policy::Convergence;
use crate::record::{Outcome, Step};
use crate::update::UpdateSink;
use crate::{Error, Result};

impl Guest {
    /// Puts the guest right after a migration from here to `params`' destination that broke, and returns once it
    /// is whole in one place.
    ///
    /// `params` are the migration's own: its flags and its way of moving data are used again. A post-copy that
    /// broke is resumed, one that only one side knows to be broken is stopped first, and one that goes on is
    /// waited for. What a migration that is over has left behind is removed, where the other side is proven to
    /// have all of the guest. Nothing is done that could lose memory or the last definition, and where that
    /// leaves nothing, the error says what is safe to do.
    ///
    /// A guest that libvirt has go on at both hosts is paused at the source; `keep` says which one goes on, and ends
    /// the other.
    ///
    /// `exclusive` says that the migration was an exclusive one: the guest was sent paused. It goes on at the destination
    /// then, where the source has nothing of it any more; and a copy there that never ran is removed. Of a guest that
    /// somebody has paused since nobody can tell.
    ///
    /// A migration in pre-copy that runs is refused: [`Guest::adopt_migration`] attaches to it.
    pub fn recover(
        &self,
        params: &MigrateParams,
        keep: Option<Keep>,
        exclusive: bool,
        sinks: impl FnOnce() -> Vec<UpdateSink>,
        mut interrupted: impl FnMut() -> bool,
    ) -> Result<Outcome> {
        same_process(self.process())?;
        let Some(destination) = params.destination() else {
            return Err(Error::parameter("destination", "is missing: the URI of the destination's daemon"));
        };
        let mut recovery = Recovery::new(self.shared_domain(), destination, params.flags(), keep, exclusive)?;
        if recovery.settle(&mut interrupted)? == Remedy::ResumePostCopy {
            let moved = self.resume_post_copy(params, sinks(), &mut interrupted);
            match moved {
                Ok(moved) => recovery.resumed(moved),
                Err(error) => return Err(recovery.told(error)),
            }
            recovery.settle(&mut interrupted)?;
        }
        recovery.bring_belongings();
        recovery.outcome()
    }

    fn resume_post_copy(
        &self,
        params: &MigrateParams,
        sinks: Vec<UpdateSink>,
        interrupted: impl FnMut() -> bool,
    ) -> Result<Outcome> {
        let params = params.to_resume()?;
        self.migrate_unless(&params, &Convergence::default(), sinks, interrupted)
    }
}

/// The outcome of a recovery that has moved nothing itself.
fn outcome(steps: Vec<Step>, total_time: Duration, guest_location: GuestLocation) -> Outcome {
    Outcome {
        total_time,
        downtime: None,
        iterations: 0,
        bytes: 0,
        decisions: steps,
        guest_location,
        left_behind: vec![],
    }
}

impl MigrateParams {
    /// The same way of moving data, for going on with a post-copy that broke: libvirt has the definitions since
    /// the beginning and takes none here, and nothing of a post-copy can be tuned by pre-copy's parameters.
    pub fn to_resume(&self) -> Result<Self> {
        let kept = MigrateFlags::DEFAULT | MigrateFlags::TLS | MigrateFlags::UNSAFE | MigrateFlags::PARALLEL;
        let flags = (self.flags() & kept)
            | MigrateFlags::LIVE
            | MigrateFlags::PEER2PEER
            | MigrateFlags::POSTCOPY
            | MigrateFlags::POSTCOPY_RESUME;
        self.without_definition(flags)
    }
}
