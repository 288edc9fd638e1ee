//! The destination's definition: what runs there and what is kept there, never one without the other.

use std::sync::Arc;

use crate::domain_xml::{DomainIdentity, canonical_uuid};
use crate::{Error, Result};

/// libvirt's name of the definition that the guest runs with at the destination.
pub const DESTINATION_XML: &str = "destination_xml";
/// libvirt's name of the definition that the destination keeps.
pub const PERSISTENT_XML: &str = "persistent_xml";

/// Both definitions of the guest at the destination.
///
/// libvirt leaves the *source's* persistent definition at a destination that is given only
/// `destination_xml`, and the next start there fails or comes up with the wrong host's devices. So the two
/// are one value here: the fields are private, and [`Definition::new`] is the only way to make one.
///
/// ```compile_fail
/// # use libvirt_migrate::params::Definition;
/// let half = Definition { destination: "<domain/>".into() };
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Definition {
    destination: Arc<str>,
    persistent: Arc<str>,
    /// `None` where nobody looked.
    identity: Option<DomainIdentity>,
}

impl Definition {
    /// The definition to run with and the one to keep, which is the same where `persistent` is `None`.
    ///
    /// Both are checked: well-formed, a `<domain>`, and of the same name and uuid.
    pub fn new(destination: impl Into<Arc<str>>, persistent: Option<Arc<str>>) -> Result<Self> {
        let destination = destination.into();
        let identity = identify(DESTINATION_XML, &destination)?;
        let persistent = match persistent {
            Some(xml) if xml != destination => {
                same_domain(&identity, &identify(PERSISTENT_XML, &xml)?)?;
                xml
            }
            _ => destination.clone(),
        };
        Ok(Self { destination, persistent, identity: Some(identity) })
    }

    /// The same text twice, whatever it is: for a caller that leaves it to libvirt to refuse it.
    pub(super) fn as_given(text: impl Into<Arc<str>>) -> Self {
        let destination = text.into();
        Self { persistent: destination.clone(), destination, identity: None }
    }

    /// What the guest runs with at the destination.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// What the destination keeps for the next start.
    pub fn persistent(&self) -> &str {
        &self.persistent
    }

    /// The name and uuid in both; `None` for a definition that was not checked.
    pub fn identity(&self) -> Option<&DomainIdentity> {
        self.identity.as_ref()
    }

    /// Refuses a definition of another domain than the guest with this name and uuid.
    pub fn check_guest(&self, name: Option<&str>, uuid: Option<&str>) -> Result<()> {
        let Some(identity) = &self.identity else { return Ok(()) };
        if let Some(name) = name.filter(|name| *name != identity.name) {
            let reason = format!(
                "describes domain {:?}, but the guest is {name:?}; a new name is given by destination_name",
                identity.name
            );
            return Err(Error::parameter(DESTINATION_XML, reason));
        }
        match (uuid, identity.uuid.as_deref()) {
            (Some(guest), Some(ours)) if canonical_uuid(guest) != ours => {
                let reason = format!("has uuid {ours}, but the guest's is {guest}; a uuid cannot change");
                Err(Error::parameter(DESTINATION_XML, reason))
            }
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Definition {
    /// Without the XML, which can hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Definition").field("identity", &self.identity).finish_non_exhaustive()
    }
}

fn identify(parameter: &str, xml: &str) -> Result<DomainIdentity> {
    if xml.contains('\0') {
        return Err(Error::parameter(parameter, "has a NUL character"));
    }
    DomainIdentity::parse(xml)
        .map_err(|source| Error::InvalidDomainXml { context: parameter.to_owned(), source })
}

fn same_domain(destination: &DomainIdentity, persistent: &DomainIdentity) -> Result<()> {
    if destination.name != persistent.name {
        let reason = format!(
            "describes domain {:?}, but destination_xml describes {:?}; a new name is given by destination_name",
            persistent.name, destination.name
        );
        return Err(Error::parameter(PERSISTENT_XML, reason));
    }
    match (&destination.uuid, &persistent.uuid) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            let reason = format!("has uuid {theirs}, but destination_xml has {ours}");
            Err(Error::parameter(PERSISTENT_XML, reason))
        }
        _ => Ok(()),
    }
}
