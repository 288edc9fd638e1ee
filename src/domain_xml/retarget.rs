//! What changes in a definition when its guest moves: a plain value, built once and applied to many definitions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::device::DeviceXml;
use super::{CpuSet, HostPath, MacAddress, PciAddress, Setting, Uuid};

mod host;
mod listening;

pub use host::{Firmware, MemoryBacking, Numa, Scheduler, VcpuSched};
pub use listening::{DisplayPort, Graphics, Listeners, Serial};

/// The changes of a definition for the host that its guest moves to. What is not given stays as it is.
///
/// It knows libvirt's terms only. Its JSON form, and what each field does, is in `docs/retarget.md`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retarget {
    /// Listen addresses and ports of the displays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphics: Option<Graphics>,
    /// Listen address and ports of serial ports and consoles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Serial>,
    /// Listen address and ports of everything else that is no display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listeners: Option<Listeners>,
    /// Disks whose storage is reached differently. Disks that are not named stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<Disk>,
    /// The Ceph monitors of RBD disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rbd: Option<Rbd>,
    /// The interfaces, each of the guest's by its MAC. An interface that is not named is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Vec<Interface>>,
    /// `<emulator>`: QEMU's binary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulator: Option<Setting<HostPath>>,
    /// Where the guest's firmware and its variables are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<Firmware>,
    /// The perf events that are enabled afterwards; an empty list disables all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perf_events: Option<Vec<String>>,
    /// Whether memory is backed by files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_backing: Option<MemoryBacking>,
    /// `<cputune><shares>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_shares: Option<Setting<u64>>,
    /// The `cpuset` of `<vcpu>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpu_cpuset: Option<Setting<CpuSet>>,
    /// Pins of vCPUs, threads and memory to the host's CPUs and NUMA nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa: Option<Numa>,
    /// Mediated devices: the source's uuid and the destination's. One that is not named is an error.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::unique::map")]
    pub mdevs: Option<BTreeMap<Uuid, Uuid>>,
    /// PCI host devices: the source's address and the destination's, all taken at once. Others stay.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::unique::map")]
    pub pci: Option<BTreeMap<PciAddress, PciAddress>>,
    /// The device path of each nvdimm, in the definition's order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpmem: Option<Vec<String>>,
}

/// One disk: which it is, and its definition at the destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Which of the guest's disks.
    #[serde(rename = "match")]
    pub key: DiskKey,
    /// The destination's `<disk>`: its type, source, driver, auth and encryption are taken.
    pub xml: DeviceXml,
}

/// What names a disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskKey {
    /// The text of its `<serial>`.
    Serial(String),
    /// The name of its `<alias>`, which is a user's own (`ua-…`): the others change from start to start.
    Alias(String),
    /// The `dev` of its `<target>`.
    Target(String),
}

/// The Ceph monitors of RBD disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rbd {
    /// The monitors, at least one.
    pub monitors: Vec<Monitor>,
    /// The disks, by the `dev` of their `<target>`. Without it: each RBD disk that has neither a `<serial>` nor
    /// a user's alias (`ua-…`), as volumes have that are attached one by one, and that `disks` does not name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disks: Option<Vec<String>>,
}

/// A Ceph monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    /// Its address or name.
    pub host: String,
    /// Its TCP port, where it is not Ceph's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// One interface: which it is, and its definition at the destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// The MAC address of the guest's interface.
    pub mac: MacAddress,
    /// The destination's `<interface>`; without it the interface stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml: Option<DeviceXml>,
}
