//! What a guest has of its host: CPUs, NUMA nodes, memory, files of the hypervisor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain_xml::{CpuSet, HostPath};

/// Where the guest's firmware and its variables are. It is the same firmware, elsewhere; what is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Firmware {
    /// `<loader>`: the firmware's image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<HostPath>,
    /// `<nvram>`: the file of the guest's own variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvram: Option<HostPath>,
    /// The `template` of `<nvram>`, from which that file is made where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<HostPath>,
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
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "crate::domain_xml::unique::keys"
    )]
    pub vcpu_pins: BTreeMap<u32, CpuSet>,
    /// The host's CPUs of the emulator's threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulator_pin: Option<CpuSet>,
    /// The host's CPUs of every I/O thread that is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iothread_pin: Option<CpuSet>,
    /// The host's NUMA nodes of each guest cell that is named.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "crate::domain_xml::unique::keys"
    )]
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
