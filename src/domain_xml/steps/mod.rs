//! The steps of a retargeting, one a file. Each looks only at the paths that it means.

mod cpu_shares;
mod disks;
mod driver;
mod emulator;
mod firmware;
mod graphics;
mod interfaces;
mod listening;
mod mdevs;
mod memory_backing;
mod missing;
mod numa;
mod pci;
mod perf_events;
mod rbd;
mod topology;
mod vcpu_cpuset;
mod vpmem;

use std::collections::HashMap;

pub(super) use disks::taken;
pub(super) use missing::Missing;
pub(super) use vpmem::paths as nvdimm_paths;

use super::XmlError;
use super::edit::Editor;
use super::element::Element;
use super::retarget::Retarget;

/// The guest's devices by kind, and the definition that they are in.
struct Devices<'a> {
    domain: Element<'a>,
    disks: Vec<Element<'a>>,
    interfaces: Vec<Element<'a>>,
    hostdevs: Vec<Element<'a>>,
    memory: Vec<Element<'a>>,
    graphics: Vec<Element<'a>>,
    /// Serial ports and consoles.
    serials: Vec<Element<'a>>,
    /// The other character devices.
    characters: Vec<Element<'a>>,
}

impl<'a> Devices<'a> {
    fn of(domain: Element<'a>) -> Self {
        let none = Vec::new;
        let (disks, interfaces, hostdevs) = (none(), none(), none());
        let (memory, graphics, serials, characters) = (none(), none(), none(), none());
        let mut devices = Self { domain, disks, interfaces, hostdevs, memory, graphics, serials, characters };
        for device in domain.all("devices").flat_map(|devices| devices.children()) {
            match device.name() {
                "disk" => devices.disks.push(device),
                "interface" => devices.interfaces.push(device),
                "hostdev" => devices.hostdevs.push(device),
                "memory" => devices.memory.push(device),
                "graphics" => devices.graphics.push(device),
                "serial" | "console" => devices.serials.push(device),
                "parallel" | "channel" | "redirdev" | "smartcard" | "rng" => devices.characters.push(device),
                _ => {}
            }
        }
        devices
    }

    /// Where a device that is not there would be.
    fn place(&self) -> Element<'a> {
        self.domain.child("devices").unwrap_or(self.domain)
    }

    /// An error about a device that is not there.
    fn error(&self, message: String) -> XmlError {
        self.place().error(message)
    }
}

/// Says to `editor` what changes in `domain`, and to `missing` what is asked for and not there.
pub(super) fn apply<'a>(
    domain: Element<'a>,
    retarget: &'a Retarget,
    editor: &mut Editor<'a>,
    missing: &mut Missing,
) -> Result<(), XmlError> {
    let devices = Devices::of(domain);
    if let Some(graphics) = &retarget.graphics {
        graphics::apply(&devices, graphics, editor, missing)?;
    }
    if retarget.serial.is_some() || retarget.listeners.is_some() {
        listening::apply(&devices, retarget, editor, missing)?;
    }
    if let Some(path) = &retarget.emulator {
        emulator::apply(domain, path, editor)?;
    }
    if let Some(firmware) = &retarget.firmware {
        firmware::apply(domain, firmware, editor, missing)?;
    }
    let replaced = disks::apply(&devices, &retarget.disks, editor, missing)?;
    if let Some(rbd) = &retarget.rbd {
        rbd::apply(&devices, rbd, &replaced, editor, missing)?;
    }
    if let Some(events) = &retarget.perf_events {
        perf_events::apply(domain, events, editor)?;
    }
    if let Some(backing) = &retarget.memory_backing {
        memory_backing::apply(domain, *backing, editor)?;
    }
    if let Some(shares) = &retarget.cpu_shares {
        cpu_shares::apply(domain, shares, editor)?;
    }
    if let Some(interfaces) = &retarget.interfaces {
        interfaces::apply(&devices, interfaces, editor)?;
    }
    if let Some(cpuset) = &retarget.vcpu_cpuset {
        vcpu_cpuset::apply(domain, cpuset, editor)?;
    }
    if let Some(numa) = &retarget.numa {
        let counts = matches!(retarget.vcpu_cpuset, Some(crate::domain_xml::Setting::Set(_)));
        numa::apply(domain, numa, counts, editor, missing)?;
    }
    if let Some(mdevs) = &retarget.mdevs {
        mdevs::apply(&devices, mdevs, editor)?;
    }
    if let Some(addresses) = &retarget.pci {
        pci::apply(&devices, addresses, editor, missing)?;
    }
    if let Some(paths) = &retarget.vpmem {
        vpmem::apply(&devices, paths, editor)?;
    }
    Ok(())
}

/// Whether two elements mean the same, however they are written.
pub(super) fn same(one: Element<'_>, other: Element<'_>) -> bool {
    if one.source() == other.source() {
        return true;
    }
    one.name() == other.name() && same_attributes(one, other) && {
        let (mut ones, mut others) = (one.children(), other.children());
        let children = loop {
            match (ones.next(), others.next()) {
                (None, None) => break true,
                (Some(one), Some(other)) if same(one, other) => {}
                _ => break false,
            }
        };
        children && one.own_text().trim() == other.own_text().trim()
    }
}

/// Whether two elements have the same attributes, in whatever order.
fn same_attributes(one: Element<'_>, other: Element<'_>) -> bool {
    if one.attributes().count() != other.attributes().count() {
        return false;
    }
    // Elements of libvirt have a few; a set keeps an attack from taking long.
    if one.attributes().count() <= 12 {
        return one.attributes().all(|attribute| other.is(attribute.name, &attribute.value()));
    }
    let mut others: HashMap<_, _> =
        other.attributes().map(|attribute| (attribute.name, attribute.value())).collect();
    one.attributes().all(|attribute| others.remove(attribute.name) == Some(attribute.value()))
}
