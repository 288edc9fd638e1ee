//! Asking both hosts, and taking one step after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Keep, LOOK, Reason, Remedy, STILL, View, outcome};
use crate::belongings::{BELONGS, Belongings};
use crate::domain::DomainOps;
use crate::error::LibvirtError;
use crate::fact::Fact;
use crate::flags::MigrateFlags;
use crate::location::{Answer, GuestLocation};
use crate::migration::{Act, Outcome, Step, is_active};
use crate::numbers::jobs::OPERATION_MIGRATION_IN;
use crate::{Error, Result};

/// How long a destination may take to learn that its connection is dead: where the network was cut, the word of it
/// is sent again at growing intervals.
const DEAF: Duration = Duration::from_secs(30);
/// How often a step may have no effect before it is given up.
const ATTEMPTS: u32 = 3;

/// One guest that is being put right.
pub(crate) struct Recovery {
    source: Arc<dyn DomainOps>,
    /// The guest is not at the source any more.
    gone: bool,
    destination: String,
    uuid: String,
    keep: Option<Keep>,
    for_good: bool,
    started: Instant,
    steps: Vec<Step>,
    location: GuestLocation,
    /// The source's outgoing migration at the last look.
    job: Fact<()>,
    resumed: Option<Outcome>,
    /// What the source's definition still tells of the guest.
    belongings: Belongings,
    left_behind: Vec<String>,
    /// How often the last step was taken.
    repeats: u32,
}

/// Both sides at one moment.
struct Look {
    view: View,
    there: Option<Arc<dyn DomainOps>>,
    /// What of the memory has moved, by the source's word.
    moved: Option<(Option<u64>, Option<u64>)>,
}

impl Recovery {
    /// Over a connection of its own: the guest's may have broken with the migration.
    pub fn new(
        domain: Arc<dyn DomainOps>,
        destination: &str,
        flags: MigrateFlags,
        keep: Option<Keep>,
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
            source,
            gone,
            destination: destination.to_owned(),
            uuid,
            keep,
            for_good,
            started: Instant::now(),
            steps: vec![],
            location: GuestLocation::Unknown,
            job: Fact::Unknown,
            resumed: None,
            belongings,
            left_behind: vec![],
            repeats: 0,
        })
    }

    fn look(&mut self) -> Look {
        let source = if self.gone { Answer::Absent } else { Answer::of(self.source.state()) };
        let there = self.source.at(&self.destination, &self.uuid);
        let destination = match &there {
            Ok(None) => Answer::Absent,
            Ok(Some(there)) => Answer::of(there.state()),
            Err(_) => Answer::Unknown,
        };
        let there = there.ok().flatten();
        let job = if self.gone { Fact::Absent } else { Fact::from_answer(self.source.job_info(false)) };
        let moved = job.as_ref().map(|job| (job.memory_processed, job.memory_remaining)).known();
        let persistent = match &there {
            Some(there) => Fact::from_answer(there.is_persistent()).filter(|kept| *kept).map(drop),
            None if destination == Answer::Unknown => Fact::Unknown,
            None => Fact::Absent,
        };
        self.location = GuestLocation::from_answers(source, destination);
        self.job =
            job.filter(|job| is_active(job.kind) && job.operation != Some(OPERATION_MIGRATION_IN)).map(drop);
        let view =
            View { source, destination, job: self.job, persistent, keep: self.keep, for_good: self.for_good };
        Look { view, there, moved }
    }

    /// Takes steps until the guest is whole, or the next one is to resume a post-copy.
    pub fn settle(&mut self, interrupted: &mut impl FnMut() -> bool) -> Result<Remedy> {
        let mut still = (None, Instant::now());
        loop {
            if interrupted() {
                return Err(self.refused("the recovery was interrupted; what was done so far holds"));
            }
            let look = self.look();
            let remedy = look.view.remedy();
            if still.0 != Some((remedy, look.moved)) {
                still = (Some((remedy, look.moved)), Instant::now());
            }
            let patience = if remedy == Remedy::AwaitDestination { DEAF } else { STILL };
            let stuck = still.1.elapsed() >= patience;
            match remedy {
                Remedy::Whole(_) | Remedy::ResumePostCopy => return Ok(remedy),
                Remedy::Impossible(reason) => return Err(self.impossible(reason)),
                Remedy::Migrating => {
                    return Err(self.refused("it is being migrated; adopt_migration attaches to that"));
                }
                Remedy::Await(reason) if stuck => return Err(self.impossible(reason)),
                Remedy::PostCopy if stuck => {
                    self.act(Act::Release, "no memory has moved for seconds", |it| {
                        it.source.abort_job(true)
                    })?;
                }
                Remedy::AwaitDestination if stuck => return Err(self.impossible(Reason::DestinationDeaf)),
                Remedy::Await(_) | Remedy::PostCopy | Remedy::AwaitDestination => {}
                step => self.take(step, &look)?,
            }
            std::thread::sleep(LOOK);
        }
    }

    fn take(&mut self, step: Remedy, look: &Look) -> Result<()> {
        let there = look.there.as_deref();
        match step {
            Remedy::Release => self.act(Act::Release, "the destination knows that post-copy broke", |it| {
                it.source.abort_job(true)
            }),
            Remedy::RemoveDestination => {
                let reason = "the source has all of the guest, and the migration is over";
                self.act(Act::RemoveDestination, reason, |_| there.map_or(Ok(()), |there| there.destroy()))
            }
            Remedy::ResumeSource => {
                self.act(Act::Resume, "the destination has nothing of the guest", |it| it.source.resume())
            }
            Remedy::RemoveSource => {
                self.act(Act::RemoveSource, "the destination has all of the guest", |it| it.source.destroy())
            }
            Remedy::PauseSource => {
                let reason = "the guest runs at both hosts";
                self.act(Act::PauseSource, reason, |it| it.source.suspend())
            }
            Remedy::UndefineDestination => {
                let reason = "the guest is kept at the source";
                self.act(Act::UndefineDestination, reason, |_| there.map_or(Ok(()), |there| there.undefine()))
            }
            Remedy::UndefineSource => {
                let reason = "the guest and its definition are at the destination";
                self.act(Act::UndefineSource, reason, |it| it.source.undefine())
            }
            _ => Ok(()),
        }
    }

    /// Takes a step and records it. One that has no effect is taken again, not for ever.
    fn act(&mut self, act: Act, reason: &str, body: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let same = self.steps.last().is_some_and(|last| last.act == act);
        self.repeats = if same { self.repeats + 1 } else { 1 };
        let result = body(self);
        let error = result.as_ref().err().map(ToString::to_string);
        let step = Step { at: self.started.elapsed(), act, reason: reason.to_owned(), error };
        if !same || step.error.is_some() && !self.steps.last().is_some_and(|last| step.repeats(last)) {
            self.steps.push(step);
        }
        match result {
            // It may have changed by itself in between: the next look tells.
            Err(error) if self.repeats >= ATTEMPTS => Err(self.failed(error)),
            Ok(()) if self.repeats >= 10 * ATTEMPTS => Err(self.refused("what was asked for has no effect")),
            _ => Ok(()),
        }
    }

    /// Whether a migration may still run, for all that the source told last.
    pub fn may_still_run(&self) -> bool {
        self.job != Fact::Absent
    }

    /// What was done so far.
    pub fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
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
        let (source, destination) = (self.source.clone(), self.destination.clone());
        let brought = self.belongings.bring(source.as_ref(), || source.at(&destination, &self.uuid));
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
        let name = self.source.name().unwrap_or_else(|_| "the guest".to_owned());
        self.failed(Error::not_now(format!("{name} cannot be recovered: {why}")))
    }

    fn failed(&self, cause: Error) -> Error {
        let outcome = outcome(self.steps.clone(), self.started.elapsed(), self.location);
        Error::MigrationFailed { cause: Box::new(cause), location: self.location, outcome: Box::new(outcome) }
    }
}
