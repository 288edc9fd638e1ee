//! Interfaces by MAC address.
//!
//! The destination says how the interface is connected; what the guest sees of it stays.

use std::collections::{BTreeMap, BTreeSet};

use super::{Devices, driver, same, same_attributes};
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::layout::before;
use crate::domain_xml::retarget::Interface;
use crate::domain_xml::{DeviceXml, MacAddress, XmlError};

/// What the guest sees: taken from it where it has it, and from nowhere else.
const GUESTS_OWN: [&str; 8] = ["address", "boot", "link", "mtu", "model", "rom", "acpi", "teaming"];

pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    interfaces: &'a [Interface],
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let wanted: BTreeMap<MacAddress, Option<&DeviceXml>> =
        interfaces.iter().map(|interface| (interface.mac, interface.xml.as_ref())).collect();
    let mut seen = BTreeSet::new();
    for interface in devices.interfaces.iter().copied() {
        let address = interface.only("mac")?.and_then(|mac| mac.attr("address"));
        let address = address.ok_or_else(|| interface.error("an <interface> has no <mac address='…'>"))?;
        let mac: MacAddress = address.value().parse().map_err(|reason: String| interface.error(reason))?;
        if !seen.insert(mac) {
            return Err(interface.error(format!("a second interface with MAC address {mac}")));
        }
        match wanted.get(&mac) {
            Some(Some(xml)) => replace(interface, xml.root(), editor),
            Some(None) => {}
            None => {
                let message = format!(
                    "interfaces does not name the interface with MAC address {mac}; one without xml stays as it is"
                );
                return Err(interface.error(message));
            }
        }
    }
    Ok(())
}

fn replace<'a>(ours: Element<'a>, theirs: Element<'a>, editor: &mut Editor<'a>) {
    let children = children(ours, theirs);
    let mut present = ours.children();
    let unchanged = children.iter().all(|child| match child {
        Child::Element(child) => present.next().is_some_and(|ours| same(ours, *child)),
        Child::Text(_) => false,
    });
    if unchanged && present.next().is_none() && same_attributes(ours, theirs) {
        return;
    }
    let text = ours.document();
    let range = ours.range();
    let first = ours.children().next().map_or(range.end, |child| child.range().start);
    let (space, last) = (&text[before(text, first)], &text[before(text, ours.content().end)]);
    let mut new = String::with_capacity(range.len());
    new.push_str("<interface");
    for attribute in theirs.attributes() {
        new.push(' ');
        new.push_str(&theirs.document()[attribute.range()]);
    }
    new.push('>');
    for child in children {
        new.push_str(space);
        new.push_str(match &child {
            Child::Element(element) => element.source(),
            Child::Text(text) => text,
        });
    }
    new.push_str(last);
    new.push_str("</interface>");
    editor.replace(range, new);
}

/// A child of the new interface: as it is written in one of the two, or put together.
enum Child<'a> {
    Element(Element<'a>),
    Text(String),
}

/// The destination's children in its order, each that is the guest's own in its place or else at the end.
fn children<'a>(ours: Element<'a>, theirs: Element<'a>) -> Vec<Child<'a>> {
    let (mut children, mut placed) = (Vec::new(), Vec::new());
    for child in theirs.children() {
        let name = child.name();
        let own = GUESTS_OWN.contains(&name) || (name == "alias" && ours.child("alias").is_some());
        if name == "driver" {
            if !placed.contains(&name) {
                placed.push(name);
                children.extend(driver(ours.child(name), Some(child)));
            }
        } else if !own {
            children.push(Child::Element(child));
        } else if !placed.contains(&name) {
            placed.push(name);
            children.extend(ours.all(name).map(Child::Element));
        }
    }
    for child in ours.children().filter(|child| !placed.contains(&child.name())) {
        let name = child.name();
        if name == "driver" {
            children.extend(driver(Some(child), None));
        } else if GUESTS_OWN.contains(&name)
            || name == "alias"
            || (name == "mac" && theirs.child("mac").is_none())
        {
            children.push(Child::Element(child));
        }
    }
    children
}

/// The `<driver>`: the host's part is the destination's, the guest's is its own.
fn driver<'a>(ours: Option<Element<'a>>, theirs: Option<Element<'a>>) -> Option<Child<'a>> {
    match driver::of_interface(ours, theirs) {
        driver::Merged::Ours => ours.map(Child::Element),
        driver::Merged::Nothing => None,
        driver::Merged::Text(text) => Some(Child::Text(text)),
    }
}
