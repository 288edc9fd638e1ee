//! What changes in a definition when its guest moves: a plain value, built once and applied to many definitions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::device::DeviceXml;
use super::{CpuSet, MacAddress, PciAddress, Setting, Uuid};

/// The changes of a definition for the host that its guest moves to. What is not given stays as it is.
///
/// It knows libvirt's terms only. Its JSON form, and what each field does, is in `docs/retarget.md`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retarget {
    /// Listen addresses of the displays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphics: Option<Graphics>,
    /// Listen address and ports of serial ports and consoles that are TCP servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Serial>,
    /// Disks whose storage is reached differently. Disks that are not named stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<Disk>,
    /// The Ceph monitors of RBD disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rbd: Option<Rbd>,
    /// The interfaces, each of the guest's by its MAC. An interface that is not named is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Vec<Interface>>,
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

/// Listen addresses by the type of display. A type that is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Graphics {
    /// Of VNC displays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnc: Option<String>,
    /// Of SPICE displays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spice: Option<String>,
}

/// Where TCP serial ports and consoles listen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Serial {
    /// The address, where it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The TCP ports, indexed by the `port` of the device's `<target>`. An empty list leaves them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
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
    /// The name of its `<alias>`.
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

/// How the guest's memory is backed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryBacking {
    /// By files (shared, allocated at once), or not.
    pub file_backed: bool,
    /// With files: whether their content is discarded when the guest ends.
    #[serde(default = "yes")]
    pub discard: bool,
    /// Without files: whether a memfd source goes too. It stays otherwise, since shared-memory devices need it.
    #[serde(default)]
    pub drop_memfd: bool,
}

fn yes() -> bool {
    true
}

/// Pins to the host's CPUs and NUMA nodes. What is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Numa {
    /// The host's CPUs of each vCPU that is named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "super::unique::keys")]
    pub vcpu_pins: BTreeMap<u32, CpuSet>,
    /// The host's CPUs of the emulator's threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulator_pin: Option<CpuSet>,
    /// The host's CPUs of every I/O thread that is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iothread_pin: Option<CpuSet>,
    /// The host's NUMA nodes of each guest cell that is named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "super::unique::keys")]
    pub cell_pins: BTreeMap<u32, CpuSet>,
    /// The host's NUMA nodes of the guest's memory as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<CpuSet>,
    /// The scheduler of vCPUs, in place of every `<vcpusched>` of the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpu_sched: Option<VcpuSched>,
}

/// A real-time scheduler for vCPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VcpuSched {
    /// The vCPUs.
    pub vcpus: CpuSet,
    /// 1 to 99.
    pub priority: u8,
    /// The policy.
    #[serde(default)]
    pub scheduler: Scheduler,
}

/// A real-time policy of the host's scheduler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheduler {
    /// First in, first out.
    #[default]
    Fifo,
    /// Round robin.
    Rr,
}
