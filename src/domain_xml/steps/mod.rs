//! The steps of a retargeting, one a file. Each looks only at the paths that it means.

mod cpu_shares;
mod disks;
mod driver;
mod graphics;
mod interfaces;
mod mdevs;
mod memory_backing;
mod numa;
mod pci;
mod perf_events;
mod rbd;
mod serial;
mod vcpu_cpuset;
mod vpmem;

use std::collections::HashMap;

pub(super) use disks::TAKEN;

use super::XmlError;
use super::edit::Editor;
use super::element::Element;
use super::retarget::Retarget;

/// Says to `editor` what changes in `domain`.
pub(super) fn apply<'a>(
    domain: Element<'a>,
    retarget: &'a Retarget,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    if let Some(graphics) = &retarget.graphics {
        graphics::apply(domain, graphics, editor);
    }
    if let Some(serial) = &retarget.serial {
        serial::apply(domain, serial, editor)?;
    }
    let replaced = disks::apply(domain, &retarget.disks, editor)?;
    if let Some(rbd) = &retarget.rbd {
        rbd::apply(domain, rbd, &replaced, editor)?;
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
        interfaces::apply(domain, interfaces, editor)?;
    }
    if let Some(cpuset) = &retarget.vcpu_cpuset {
        vcpu_cpuset::apply(domain, cpuset, editor)?;
    }
    if let Some(numa) = &retarget.numa {
        numa::apply(domain, numa, editor)?;
    }
    if let Some(mdevs) = &retarget.mdevs {
        mdevs::apply(domain, mdevs, editor)?;
    }
    if let Some(addresses) = &retarget.pci {
        pci::apply(domain, addresses, editor)?;
    }
    if let Some(paths) = &retarget.vpmem {
        vpmem::apply(domain, paths, editor)?;
    }
    Ok(())
}

/// The guest's devices of a kind.
fn devices<'a, 'n>(domain: Element<'a>, kind: &'n str) -> impl Iterator<Item = Element<'a>> + use<'a, 'n> {
    domain.children().filter(|child| child.name() == "devices").flat_map(move |devices| devices.all(kind))
}

/// Where an error is about a device that is not there.
fn devices_error(domain: Element<'_>, message: String) -> XmlError {
    domain.child("devices").unwrap_or(domain).error(message)
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
    let mut others: HashMap<_, _> =
        other.attributes().map(|attribute| (attribute.name, attribute.value())).collect();
    one.attributes().all(|attribute| others.remove(attribute.name) == Some(attribute.value()))
}
