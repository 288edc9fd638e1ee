//! PCI host devices by address, all at once.

use std::collections::BTreeMap;

use super::{Devices, Missing};
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::{PciAddress, XmlError};

pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    addresses: &BTreeMap<PciAddress, PciAddress>,
    editor: &mut Editor<'a>,
    missing: &mut Missing,
) -> Result<(), XmlError> {
    let mut guest = BTreeMap::new();
    for device in devices.hostdevs.iter().filter(|device| device.is("type", "pci")) {
        let address = device.only("source")?.map_or(Ok(None), |source| source.only("address"))?;
        let address = address.ok_or_else(|| device.error("a PCI host device has no <source><address>"))?;
        let found = read(address)?;
        if guest.insert(found, address).is_some() {
            return Err(address.error(format!("a second host device at {found}")));
        }
    }
    for (from, to) in addresses {
        let Some(device) = guest.get(from) else {
            missing.add(devices.place(), format!("no PCI host device at {from}, which pci names"))?;
            continue;
        };
        if guest.contains_key(to) && !addresses.contains_key(to) {
            let message = format!("pci moves {from} to {to}, where another host device stays");
            return Err(guest[to].error(message));
        }
        write(*device, *from, *to, editor);
    }
    Ok(())
}

fn read(address: Element<'_>) -> Result<PciAddress, XmlError> {
    let number = |name: &str| match address.attr(name) {
        Some(value) => parse(&value.value())
            .ok_or_else(|| address.error(format!("a PCI address has a {name} that is no number"))),
        None => Ok(0),
    };
    let (domain, bus, slot, function) =
        (number("domain")?, number("bus")?, number("slot")?, number("function")?);
    PciAddress::new(domain, bus, slot, function).ok_or_else(|| address.error("a PCI address is out of range"))
}

/// A number as libvirt reads it: hexadecimal, octal or decimal by its prefix.
fn parse(text: &str) -> Option<u32> {
    let (digits, radix) = if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        (digits, 16)
    } else if text.len() > 1 && text.starts_with('0') {
        (&text[1..], 8)
    } else {
        (text, 10)
    };
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}

/// Writes what differs, in libvirt's own spelling.
fn write<'a>(address: Element<'a>, from: PciAddress, to: PciAddress, editor: &mut Editor<'a>) {
    let mut set = |name: &str, differs: bool, value: &dyn Fn() -> String| {
        if differs || address.attr(name).is_none() {
            editor.set_attr(address, name, value());
        }
    };
    set("domain", from.domain != to.domain, &|| format!("0x{:04x}", to.domain));
    set("bus", from.bus != to.bus, &|| format!("0x{:02x}", to.bus));
    set("slot", from.slot != to.slot, &|| format!("0x{:02x}", to.slot));
    set("function", from.function != to.function, &|| format!("0x{:x}", to.function));
}
