//! What belongs to a guest beside its definitions, and what libvirt does not move: whether its host starts it by itself,
//! and the checkpoints of its disks. Read before a guest moves, and brought after it once it has arrived.

use std::sync::Arc;

use crate::domain::DomainOps;
use crate::error::LibvirtError;
use crate::fact::Fact;
use crate::record::Act;
use crate::{Error, Result};

/// Why they are brought.
pub(crate) const BELONGS: &str = "it was so at the source";

/// What belongs to one guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Belongings {
    /// Its host starts it by itself.
    autostart: Fact<bool>,
    /// The definitions of its checkpoints, each after the one that it builds on.
    checkpoints: Fact<Vec<String>>,
}

/// What became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// What was done, or tried, with the reason that it failed for.
    pub acts: Vec<(Act, Option<String>)>,
    /// What did not come along, one sentence each.
    pub left: Vec<String>,
}

type There = Result<Option<Arc<dyn DomainOps>>>;

impl Belongings {
    /// Of a guest whose belongings nobody has read.
    pub const UNREAD: Self = Self { autostart: Fact::Unknown, checkpoints: Fact::Unknown };

    /// Asks the guest's host.
    pub fn read(domain: &dyn DomainOps) -> Self {
        Self { autostart: fact(domain.autostart()), checkpoints: fact(domain.checkpoints()) }
    }

    /// Brings them from the host that it left to its new host.
    pub fn bring(&self, source: &dyn DomainOps, there: impl FnOnce() -> There) -> Brought {
        let mut brought = Brought::default();
        if *self != (Self { autostart: Fact::Absent, checkpoints: Fact::Absent }) {
            let there = there();
            self.bring_autostart(source, &there, &mut brought);
            self.bring_checkpoints(&there, &mut brought);
        }
        brought
    }

    fn bring_autostart(&self, source: &dyn DomainOps, there: &There, brought: &mut Brought) {
        let wanted = match self.autostart {
            Fact::Known(wanted) => wanted,
            Fact::Absent => return,
            Fact::Unknown => {
                brought
                    .left
                    .push("autostart: the source did not tell whether it starts the guest by itself".into());
                return;
            }
        };
        let kept = if wanted { fact(source.is_persistent()).filter(|kept| *kept) } else { Fact::Absent };
        match kept {
            Fact::Known(_) => brought.left.push(
                "autostart: the source keeps the definition and starts the guest by itself when it starts, although \
                 the guest is elsewhere; virsh autostart --disable there keeps it from that"
                    .into(),
            ),
            Fact::Unknown => brought.left.push(
                "autostart: the source did not tell whether it keeps the definition, with which it would start the \
                 guest by itself although that is elsewhere; virsh dominfo there tells"
                    .into(),
            ),
            Fact::Absent => {}
        }
        match set_autostart(there, wanted) {
            Ok(Set::Already) => {}
            Ok(Set::Now) => brought.acts.push((Act::SetAutostart(wanted), None)),
            Ok(Set::Transient) if wanted => brought.left.push(
                "autostart: the destination keeps no definition of the guest, so it does not start it by itself".into(),
            ),
            Ok(Set::Transient) => {}
            // A flag that may be left there by an earlier definition is no loss, and nobody is known to have set one.
            Err(_) if !wanted && there.is_err() => {}
            Err(error) => {
                brought.left.push(format!(
                    "autostart: it is {} at the source and could not be set at the destination ({error})",
                    if wanted { "on" } else { "off" }
                ));
                brought.acts.push((Act::SetAutostart(wanted), Some(error.to_string())));
            }
        }
    }

    fn bring_checkpoints(&self, there: &There, brought: &mut Brought) {
        let checkpoints = match &self.checkpoints {
            Fact::Known(checkpoints) if !checkpoints.is_empty() => checkpoints,
            Fact::Known(_) | Fact::Absent => return,
            Fact::Unknown => {
                brought.left.push("checkpoints: the source did not tell whether the guest has any".into());
                return;
            }
        };
        let all = checkpoints.len();
        let (done, error) = match domain(there) {
            Err(error) => (0, Some(error)),
            Ok(there) => redefine(there, checkpoints),
        };
        if let Some(error) = &error {
            brought.left.push(format!(
                "checkpoints: {} of {all} are not defined at the destination ({error}); an incremental backup has to \
                 begin with a full one",
                all - done
            ));
        }
        brought.acts.push((Act::RedefineCheckpoints(done), error.map(|error| error.to_string())));
    }
}

/// What a domain that has no such thing tells is that it has none.
fn fact<T>(answer: Result<T>) -> Fact<T> {
    match answer {
        Err(error) if error.libvirt_code() == Some(LibvirtError::NO_SUPPORT) => Fact::Absent,
        other => Fact::from_answer(other),
    }
}

fn domain(there: &There) -> Result<&dyn DomainOps> {
    match there {
        Ok(Some(there)) => Ok(there.as_ref()),
        Ok(None) => Err(Error::not_now("the destination does not know the guest")),
        Err(error) => Err(error.clone()),
    }
}

/// How the flag came to be as it is.
enum Set {
    Already,
    Now,
    /// The host keeps no definition, which the flag would belong to.
    Transient,
}

fn set_autostart(there: &There, wanted: bool) -> Result<Set> {
    let there = domain(there)?;
    if !there.is_persistent()? {
        return Ok(Set::Transient);
    }
    if there.autostart()? == wanted {
        return Ok(Set::Already);
    }
    there.set_autostart(wanted)?;
    Ok(Set::Now)
}

/// How many were defined, and what kept the next one from it.
fn redefine(there: &dyn DomainOps, checkpoints: &[String]) -> (usize, Option<Error>) {
    for (done, checkpoint) in checkpoints.iter().enumerate() {
        if let Err(error) = there.redefine_checkpoint(checkpoint) {
            return (done, Some(error));
        }
    }
    (checkpoints.len(), None)
}
