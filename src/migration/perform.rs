//! Carrying out what was decided.

use super::call::guarded;
use super::pausing::pause;
use super::shared::Shared;
use super::step::Step;
use crate::domain::{DomainOps, XmlFlags};
use crate::domain_xml::stand_in;
use crate::flags::MigrateFlags;
use crate::policy::{Action, Decision};
use crate::{Error, Result};

/// Carries a decision out, in one call, and records it.
pub(super) fn perform(shared: &Shared, decision: &Decision) -> Result<()> {
    shared.acting(|| {
        let result = guarded(|| call(shared, decision.action));
        shared.record(Step::decided(decision, text(&result)));
        if result.is_ok() {
            shared.carried_out(decision);
        }
        result
    })
}

fn call(shared: &Shared, action: Action) -> Result<()> {
    let domain = shared.control();
    match action {
        Action::SetMaxDowntime(milliseconds) => domain.set_max_downtime(milliseconds),
        Action::StartPostCopy => {
            check_destination_keeps(shared, domain.as_ref())?;
            domain.start_post_copy()
        }
        Action::Pause => pause(shared, domain.as_ref()),
        Action::Abort => domain.abort_job(false),
        Action::Restart(_) if shared.adopted => {
            Err(Error::not_now("a migration that others started cannot be started again"))
        }
        Action::Restart(throttle) => {
            {
                let mut state = shared.lock();
                if state.pauses.taken {
                    return Err(Error::not_now("it is forced already"));
                }
                // Before the abort: the call may return before the abort does.
                state.restart = Some(throttle);
            }
            let result = domain.abort_job(false);
            if result.is_err() {
                shared.lock().restart = None;
            }
            result
        }
    }
}

/// Refuses post-copy where the destination cannot write definitions, by having it write one of nothing.
///
/// libvirt writes the guest's own when the guest has left already, and ends it at the destination where that fails.
/// In pre-copy it goes on at the source then; in post-copy it would be lost.
fn check_destination_keeps(shared: &Shared, domain: &dyn DomainOps) -> Result<()> {
    let Some(uri) = shared.destination.as_deref() else { return Ok(()) };
    if !shared.flags.contains(MigrateFlags::PERSIST_DEST) {
        return Ok(());
    }
    let name = format!("{}-libvirt-migrate-probe", shared.name());
    let xml = domain.xml(XmlFlags::INACTIVE).ok().and_then(|xml| stand_in(&xml, &name).ok());
    let checked = xml.map_or(Ok(()), |xml| domain.check_destination_keeps(uri, &xml));
    checked.map_err(|error| {
        Error::not_now(format!(
            "the destination cannot keep a definition now, and in post-copy the guest would be lost by that: {error}"
        ))
    })
}

/// The message of a failure.
pub(super) fn text<T>(result: &Result<T>) -> Option<String> {
    result.as_ref().err().map(ToString::to_string)
}
