//! Asking both hosts, and taking one step after the other.

use std::sync::Arc;
use std::time::Instant;

use super::outcome;
use crate::belongings::{BELONGS, Belongings};
use crate::domain::DomainOps;
use crate::driver::Sides;
use crate::engine::Change;
use crate::engine::settle::{After, LOOK, Next, Settle, Taking};
use crate::error::LibvirtError;
use crate::flags::MigrateFlags;
use crate::location::GuestLocation;
use crate::record::{Act, Outcome, Step};
use crate::remedy::{Keep, Reason, Remedy};
use crate::{Error, Result};

/// One guest that is being put right.
pub(super) struct Recovery {
    sides: Sides,
    settle: Settle,
    started: Instant,
    steps: Vec<Step>,
    location: GuestLocation,
    resumed: Option<Outcome>,
    /// What the source's definition still tells of the guest.
    belongings: Belongings,
    left_behind: Vec<String>,
}

impl Recovery {
    /// Over a connection of its own: the guest's may have broken with the migration.
    pub fn new(
        domain: Arc<dyn DomainOps>,
        destination: &str,
        flags: MigrateFlags,
        keep: Option<Keep>,
        exclusive: bool,
    ) -> Result<Self> {
        let uuid = domain.uuid()?;
        let (source, gone) = match domain.reopen() {
            Ok(source) => (source, false),
            Err(error) if error.libvirt_code() == Some(LibvirtError::NO_DOMAIN) => (domain, true),
            Err(error) if error.libvirt_code() == Some(LibvirtError::NO_SUPPORT) => (domain, false),
            Err(error) => return Err(error),
        };
        let belongings = if gone { Belongings::UNREAD } else { Belongings::read(source.as_ref()) };
        let for_good = flags.contains(MigrateFlags::PERSIST_DEST | MigrateFlags::UNDEFINE_SOURCE);
        Ok(Self {
            sides: Sides { source, gone, destination: Some(destination.to_owned()), uuid: Some(uuid) },
            settle: Settle::new(keep, for_good, exclusive),
            started: Instant::now(),
            steps: vec![],
            location: GuestLocation::Unknown,
            resumed: None,
            belongings,
            left_behind: vec![],
        })
    }

    /// Takes steps until the guest is whole, or the next one is to resume a post-copy.
    pub fn settle(&mut self, interrupted: &mut impl FnMut() -> bool) -> Result<Remedy> {
        loop {
            if interrupted() {
                return Err(self.refused("the recovery was interrupted; what was done so far holds"));
            }
            let (viewed, there) = self.sides.view();
            self.location = GuestLocation::from_answers(viewed.source, viewed.destination);
            match self.settle.next(self.started.elapsed(), &viewed) {
                Next::Settled(remedy) => return Ok(remedy),
                Next::Hopeless(reason) => return Err(self.impossible(reason)),
                Next::Migrating => {
                    return Err(self.refused("it is being migrated; adopt_migration attaches to that"));
                }
                Next::Take(taking) => self.take(taking, there.as_deref())?,
                Next::Wait => {}
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Takes a step and records it.
    fn take(&mut self, taking: Taking, there: Option<&dyn DomainOps>) -> Result<()> {
        let result = change(self.sides.source.as_ref(), there, taking.change);
        let (same, after) = self.settle.taken(taking.act, result.is_ok());
        let error = result.as_ref().err().map(ToString::to_string);
        let step =
            Step { at: self.started.elapsed(), act: taking.act, reason: taking.reason.to_owned(), error };
        let repeats = self.steps.last().is_some_and(|last| step.repeats(last));
        if !same || step.error.is_some() && !repeats {
            self.steps.push(step);
        }
        match (after, result) {
            (After::Failed, Err(error)) => Err(self.failed(locked(error, taking.change))),
            (After::NoEffect, _) => Err(self.refused("what was asked for has no effect")),
            _ => Ok(()),
        }
    }

    /// A post-copy was gone on with.
    pub fn resumed(&mut self, moved: Outcome) {
        let (act, reason) = (Act::ResumePostCopy, "both sides know that post-copy broke".to_owned());
        self.steps.push(Step { at: self.started.elapsed(), act, reason, error: None });
        self.steps.extend(moved.decisions.iter().cloned());
        self.resumed = Some(moved);
    }

    /// Brings what belongs to a guest that is at the destination now. Of one that the source has forgotten nobody knows.
    pub fn bring_belongings(&mut self) {
        if !self.location.is_at_destination() || self.belongings == Belongings::UNREAD {
            return;
        }
        let Sides { source, destination, uuid, .. } = &self.sides;
        let there = || match (destination.as_deref(), uuid.as_deref()) {
            (Some(uri), Some(uuid)) => source.at(uri, uuid),
            _ => Ok(None),
        };
        let brought = self.belongings.bring(source.as_ref(), there);
        for (act, error) in brought.acts {
            let reason = BELONGS.to_owned();
            self.steps.push(Step { at: self.started.elapsed(), act, reason, error });
        }
        self.left_behind = brought.left;
    }

    /// How it ended.
    pub fn outcome(self) -> Result<Outcome> {
        let bare = outcome(self.steps, self.started.elapsed(), self.location);
        let bare = Outcome { left_behind: self.left_behind, ..bare };
        Ok(match self.resumed {
            Some(moved) => {
                Outcome { bytes: moved.bytes, iterations: moved.iterations, downtime: moved.downtime, ..bare }
            }
            None => bare,
        })
    }

    /// A failure of the resumption, which has its own record.
    pub fn told(&self, error: Error) -> Error {
        match error {
            Error::MigrationFailed { cause, location, mut outcome } => {
                outcome.decisions.splice(0..0, self.steps.iter().cloned());
                Error::MigrationFailed { cause, location, outcome }
            }
            other => other,
        }
    }

    fn impossible(&self, reason: Reason) -> Error {
        self.refused(reason.advice())
    }

    fn refused(&self, why: &str) -> Error {
        let name = self.sides.source.name().unwrap_or_else(|_| "the guest".to_owned());
        self.failed(Error::not_now(format!("{name} cannot be recovered: {why}")))
    }

    fn failed(&self, cause: Error) -> Error {
        let outcome = outcome(self.steps.clone(), self.started.elapsed(), self.location);
        Error::MigrationFailed { cause: Box::new(cause), location: self.location, outcome: Box::new(outcome) }
    }
}

/// An error with what helps where a daemon does something else with the guest. Seen in the soak: one that was killed
/// while a guest arrived, and started again, kept the lock of what was left of it.
fn locked(mut error: Error, change: Change) -> Error {
    let there = matches!(
        change,
        Change::ResumeDestination | Change::DestroyDestination | Change::UndefineDestination
    );
    if let Error::Libvirt(error) = &mut error
        && error.code == LibvirtError::OPERATION_TIMEOUT
    {
        let whose = if there { "destination" } else { "source" };
        error.message += &format!(
            "; the {whose}'s daemon does something else with the guest: where that lasts, restart that daemon, its \
             guests run on, and recover again"
        );
    }
    error
}

/// Makes one of a remedy's changes. Where the destination has nothing of the guest, there is nothing to be changed.
fn change(source: &dyn DomainOps, there: Option<&dyn DomainOps>, change: Change) -> Result<()> {
    match change {
        Change::Release => source.abort_job(true),
        Change::FinishAbort => source.finish_abort(),
        Change::Resume => source.resume(),
        Change::DestroySource => source.destroy(),
        Change::Pause => source.suspend(),
        Change::UndefineSource => source.undefine(),
        Change::ResumeDestination => there.map_or_else(
            || Err(Error::not_now("the guest is not at the destination")),
            |there| there.resume(),
        ),
        Change::DestroyDestination => there.map_or(Ok(()), |there| there.destroy()),
        Change::UndefineDestination => there.map_or(Ok(()), |there| there.undefine()),
        // No remedy's.
        Change::SetMaxDowntime(_) | Change::SetBandwidth { .. } | Change::StartPostCopy | Change::Abort => {
            Err(Error::not_now("no step of a recovery"))
        }
    }
}
