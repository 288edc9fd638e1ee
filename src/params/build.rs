//! The parameters of one migration, checked as a whole when they are made.

use std::collections::BTreeMap;
use std::fmt;

use super::definition::{DESTINATION_XML, Definition, PERSISTENT_XML};
use super::rules;
use super::table::{Kind, Param};
use super::value::Value;
use crate::flags::MigrateFlags;
use crate::uri::{check_uri, without_secrets};
use crate::version::LibvirtVersion;
use crate::{Error, Result};

/// Everything that one migration is told. Immutable, and valid by construction.
///
/// The two definitions come as one [`Definition`], so that no value holds one of them alone.
#[derive(Clone, PartialEq, Eq)]
pub struct MigrateParams {
    definition: Option<Definition>,
    values: BTreeMap<Param, Value>,
    destination: Option<String>,
    flags: MigrateFlags,
    /// Nothing of it was checked, and nothing is to be.
    as_given: bool,
}

impl MigrateParams {
    /// Checks each value and all of them together.
    ///
    /// Without `flags` the migration has [`MigrateFlags::DEFAULT`] and whatever the values ask for
    /// (`parallel.connections` asks for `PARALLEL`, `migrate_disks` for `NON_SHARED_DISK`). Flags that are
    /// given are taken as they are, but for two rules: a tunnelled migration drops `migrate_disks`, and
    /// `NON_SHARED_INC` without `migrate_disks` is cleared, since libvirt would copy every writable disk then,
    /// attached volumes included, and corrupt them. `NON_SHARED_DISK` without `migrate_disks` is what it is for
    /// libvirt: every disk is copied that is not read-only, shareable or empty. An empty list of `migrate_disks`
    /// copies none, and clears both.
    pub fn new(
        definition: Option<Definition>,
        values: impl IntoIterator<Item = (Param, Value)>,
        destination: Option<String>,
        flags: Option<MigrateFlags>,
    ) -> Result<Self> {
        let mut values: BTreeMap<Param, Value> = values.into_iter().collect();
        let no_disks = values.get(&Param::MigrateDisks).is_some_and(Value::is_empty_list);
        // An empty list says nothing, as in libvirt's own interface.
        values.retain(|_, value| !value.is_empty_list());
        for (param, value) in &values {
            value.check(*param)?;
        }
        if let Some(uri) = &destination {
            check_destination(uri)?;
        }
        let asked = values.keys().fold(MigrateFlags::DEFAULT, |flags, param| flags | param.implies());
        let flags = flags.unwrap_or(asked);
        let mut params = Self { definition, values, destination, flags, as_given: false };
        params.normalise(no_disks);
        rules::check(&params)?;
        Ok(params)
    }

    /// These parts and no look at them.
    pub(super) fn unchecked(
        definition: Option<Definition>,
        values: BTreeMap<Param, Value>,
        destination: String,
        flags: MigrateFlags,
    ) -> Self {
        Self { definition, values, destination: Some(destination), flags, as_given: true }
    }

    /// The caller's limit of the bandwidth, MiB/s; `None` without one.
    pub(crate) fn bandwidth_limit(&self) -> Option<i128> {
        match self.get(Param::Bandwidth) {
            Some(Value::Number(limit)) if *limit > 0 => Some(*limit),
            _ => None,
        }
    }

    /// Whether they are to be sent as they are: [`MigrateParams::as_given`] made them.
    pub fn is_as_given(&self) -> bool {
        self.as_given
    }

    /// The same but for the definition and what only pre-copy and copied disks take, under other flags.
    pub(crate) fn without_definition(&self, flags: MigrateFlags) -> Result<Self> {
        let kept = [
            Param::MigrateUri,
            Param::DestinationName,
            Param::ListenAddress,
            Param::GraphicsUri,
            Param::BandwidthPostcopy,
            Param::ParallelConnections,
            Param::TlsDestination,
        ];
        let values = self.values.iter().filter(|(param, _)| kept.contains(param));
        let values: Vec<_> = values.map(|(param, value)| (*param, value.clone())).collect();
        Self::new(None, values, self.destination.clone(), Some(flags))
    }

    /// The parameters from libvirt's own names, as in the dictionary that libvirt-python takes.
    ///
    /// A mapping with `destination_xml` alone gets the same text as `persistent_xml`.
    pub fn from_names(
        entries: impl IntoIterator<Item = (String, Value)>,
        destination: Option<String>,
        flags: Option<MigrateFlags>,
    ) -> Result<Self> {
        let (mut live, mut persistent, mut values) = (None, None, Vec::new());
        for (name, value) in entries {
            match (name.as_str(), value) {
                (DESTINATION_XML, Value::String(xml)) => live = Some(xml),
                (PERSISTENT_XML, Value::String(xml)) => persistent = Some(xml),
                (DESTINATION_XML | PERSISTENT_XML, _) => {
                    return Err(Error::parameter(name, "takes a string"));
                }
                (_, value) => values.push((known(&name)?, value)),
            }
        }
        let definition = match (live, persistent) {
            (Some(live), persistent) => Some(Definition::new(live, persistent.map(Into::into))?),
            (None, None) => None,
            (None, Some(_)) => {
                let reason = "is given without destination_xml; they travel together";
                return Err(Error::parameter(PERSISTENT_XML, reason));
            }
        };
        Self::new(definition, values, destination, flags)
    }

    /// The same parameters for another destination, or with other flags, where these are given.
    pub fn with(&self, destination: Option<String>, flags: Option<MigrateFlags>) -> Result<Self> {
        let destination = destination.or_else(|| self.destination.clone());
        let flags = flags.unwrap_or(self.flags);
        if self.as_given {
            return Ok(Self { destination, flags, ..self.clone() });
        }
        Self::new(self.definition.clone(), self.values.clone(), destination, Some(flags))
    }

    fn normalise(&mut self, no_disks: bool) {
        let disks = self.values.contains_key(&Param::MigrateDisks);
        // Both ways of copying at once are refused by the rules, not repaired.
        if no_disks || (self.flags & MigrateFlags::NON_SHARED == MigrateFlags::NON_SHARED_INC && !disks) {
            self.flags -= MigrateFlags::NON_SHARED | MigrateFlags::NON_SHARED_SYNCHRONOUS_WRITES;
        }
        if self.flags.contains(MigrateFlags::TUNNELLED) {
            self.values.remove(&Param::MigrateDisks);
        }
    }

    /// The definitions at the destination; `None` moves the guest's own.
    pub fn definition(&self) -> Option<&Definition> {
        self.definition.as_ref()
    }

    /// The destination's URI, where it is known yet.
    pub fn destination(&self) -> Option<&str> {
        self.destination.as_deref()
    }

    /// The flags that libvirt will be given.
    pub fn flags(&self) -> MigrateFlags {
        self.flags
    }

    /// The value of a parameter other than the two definitions.
    pub fn get(&self, param: Param) -> Option<&Value> {
        self.values.get(&param)
    }

    /// The parameters other than the two definitions, in the order of libvirt's manual.
    pub fn values(&self) -> impl Iterator<Item = (Param, &Value)> {
        self.values.iter().map(|(param, value)| (*param, value))
    }

    /// The two definitions under libvirt's names: both or none.
    pub fn definitions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.definition
            .iter()
            .flat_map(|both| [(DESTINATION_XML, both.destination()), (PERSISTENT_XML, both.persistent())])
    }

    /// libvirt's names of all parameters, the definitions first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.definitions().map(|(name, _)| name).chain(self.values.keys().map(|param| param.name()))
    }

    /// The compression methods.
    fn methods(&self) -> impl Iterator<Item = &str> {
        let methods = match self.values.get(&Param::Compression) {
            Some(Value::Strings(methods)) => methods.as_slice(),
            _ => &[],
        };
        methods.iter().map(String::as_str)
    }

    /// Refuses what a source's libvirt of this version does not have yet, naming it and the version that does.
    pub fn check_version(&self, found: LibvirtVersion) -> Result<()> {
        match self.needs().find(|(_, since)| *since > found) {
            Some((name, since)) => {
                Err(Error::parameter(name, format!("needs libvirt {since}, but the source has {found}")))
            }
            None => Ok(()),
        }
    }

    /// What a destination's libvirt of this version does not have yet, if anything is, and the version that does. What
    /// is for the source alone is not sent there.
    pub fn lacking_at_destination(&self, found: LibvirtVersion) -> Option<(&'static str, LibvirtVersion)> {
        let sent = |(name, _): &(&str, _)| *name != Param::BandwidthAvailSwitchover.name();
        self.needs().filter(sent).find(|(_, since)| *since > found)
    }

    /// Everything that is used, with the version that brought it.
    fn needs(&self) -> impl Iterator<Item = (&'static str, LibvirtVersion)> {
        let params = self.values.keys().map(|param| (param.name(), param.since()));
        let flags = self.flags.iter().map(|flag| (flag_name(flag), flag.since()));
        let methods = self.methods().filter_map(|method| Some((Param::Compression.name(), since(method)?)));
        params.chain(flags).chain(methods)
    }
}

/// The version that brought a compression method of its own; `None` for those that are as old as the parameter.
fn since(method: &str) -> Option<LibvirtVersion> {
    matches!(method, "zlib" | "zstd").then(|| LibvirtVersion::new(9, 4, 0))
}

impl fmt::Debug for MigrateParams {
    /// Names and values, with the length in place of each definition, and URIs without their secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MigrateParams(")?;
        for (name, xml) in self.definitions() {
            write!(f, "{name}=<{} bytes>, ", xml.len())?;
        }
        for (param, value) in self.values() {
            match value {
                Value::String(uri) if param.kind() == Kind::Uri => {
                    write!(f, "{}={:?}, ", param.name(), without_secrets(uri))?;
                }
                _ => write!(f, "{}={value:?}, ", param.name())?,
            }
        }
        write!(f, "destination={:?}, flags={})", self.destination().map(without_secrets), self.flags)
    }
}

fn flag_name(flag: MigrateFlags) -> &'static str {
    flag.iter_names().next().map_or("flags", |(name, _)| name)
}

fn known(name: &str) -> Result<Param> {
    Param::from_name(name).ok_or_else(|| Error::parameter(name, "is not a migration parameter of libvirt"))
}

fn check_destination(uri: &str) -> Result<()> {
    if uri.contains('\0') {
        return Err(Error::parameter("destination", "has a NUL character"));
    }
    check_uri("destination", uri)
}
