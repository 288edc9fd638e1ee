//! Addresses and ports at which the guest's character devices and interfaces listen.
//!
//! Which ones do is what `listeners.rs` says, but that a TCP serial port or console without a mode is taken for one that
//! listens: definitions that are not libvirt's own have those.

use std::collections::{BTreeMap, BTreeSet};

use super::{Devices, Missing};
use crate::domain_xml::XmlError;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::retarget::{Interface, Listeners, Retarget, Serial};

/// Everything that is asked for.
struct Wanted<'a> {
    serial: Option<&'a Serial>,
    address: Option<&'a str>,
    ports: Option<&'a BTreeMap<u16, u16>>,
    /// The ports of the source that were found.
    found: BTreeSet<u16>,
}

pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    retarget: &'a Retarget,
    editor: &mut Editor<'a>,
    missing: &mut Missing,
) -> Result<(), XmlError> {
    let listeners = retarget.listeners.as_ref();
    let mut wanted = Wanted {
        serial: retarget.serial.as_ref(),
        address: listeners.and_then(|Listeners { address, .. }| address.as_deref()),
        ports: listeners.and_then(|Listeners { ports, .. }| ports.as_ref()),
        found: BTreeSet::new(),
    };
    for device in devices.serials.iter().copied() {
        serial(device, &mut wanted, editor)?;
    }
    if listeners.is_none() {
        return Ok(());
    }
    for device in devices.characters.iter().copied() {
        // A random number generator has it one level deeper.
        for place in std::iter::once(device).chain(device.all("backend")) {
            for source in bound(place) {
                wanted.address(source, "host", editor);
                wanted.port(source, "service", editor);
            }
        }
    }
    let interfaces = retarget.interfaces.as_deref().unwrap_or_default();
    for device in devices.interfaces.iter().copied().filter(|device| !is_replaced(*device, interfaces)) {
        interface(device, &mut wanted, editor);
    }
    for port in wanted.ports.into_iter().flat_map(BTreeMap::keys).filter(|port| !wanted.found.contains(port))
    {
        missing.add(
            devices.place(),
            format!("nothing of the guest listens at port {port}, which listeners.ports names"),
        )?;
    }
    Ok(())
}

impl<'a> Wanted<'a> {
    fn address(&self, element: Element<'a>, attribute: &str, editor: &mut Editor<'a>) {
        // An empty one is none: the host's own settings say where.
        let is_there = element.attr(attribute).is_some_and(|address| !address.raw.is_empty());
        if let Some(address) = self.address.filter(|_| is_there) {
            editor.set_attr(element, attribute, address);
        }
    }

    fn port(&mut self, element: Element<'a>, attribute: &str, editor: &mut Editor<'a>) {
        if let Some((old, new)) = self.new_port(element, attribute)
            && old != new
        {
            editor.set_attr(element, attribute, new.to_string());
        }
    }

    /// The port that an attribute has and the one that it gets.
    fn new_port(&mut self, element: Element<'a>, attribute: &str) -> Option<(u16, u16)> {
        let old = element.attr(attribute)?.value().trim().parse().ok()?;
        let new = *self.ports?.get(&old)?;
        self.found.insert(old);
        Some((old, new))
    }
}

/// The sources of a character device that listen.
fn bound<'a>(place: Element<'a>) -> impl Iterator<Item = Element<'a>> {
    let is_server = place.is("type", "tcp") || place.is("type", "udp");
    place.all("source").filter(move |source| is_server && source.is("mode", "bind"))
}

fn serial<'a>(device: Element<'a>, wanted: &mut Wanted<'a>, editor: &mut Editor<'a>) -> Result<(), XmlError> {
    let is_tcp = device.is("type", "tcp");
    if !is_tcp && !device.is("type", "udp") {
        return Ok(());
    }
    // The address of one that connects is another host's, and stays right.
    let listens =
        |source: &Element<'_>| source.is("mode", "bind") || (is_tcp && source.attr("mode").is_none());
    let own = wanted.serial;
    for source in device.all("source").filter(listens) {
        match own.and_then(|serial| serial.address.as_deref()) {
            Some(address) if source.attr("host").is_some() => editor.set_attr(source, "host", address),
            Some(_) => {}
            None => wanted.address(source, "host", editor),
        }
        let ports = own.map(|serial| serial.ports.as_slice()).filter(|ports| is_tcp && !ports.is_empty());
        match ports.filter(|_| source.attr("service").is_some()) {
            Some(ports) => {
                if wanted.new_port(source, "service").is_some() {
                    return Err(device.error("serial.ports and listeners.ports both give this device a port"));
                }
                editor.set_attr(source, "service", port(device, ports)?.to_string());
            }
            None => wanted.port(source, "service", editor),
        }
    }
    Ok(())
}

fn port(device: Element<'_>, ports: &[u16]) -> Result<u16, XmlError> {
    let number = device.only("target")?.and_then(|target| target.attr("port"));
    let index = number.and_then(|number| number.raw.parse::<usize>().ok()).ok_or_else(|| {
        let message =
            format!("<{}> has no <target port='…'> that says which of the ports it takes", device.name());
        device.error(message)
    })?;
    ports.get(index).copied().ok_or_else(|| {
        let message =
            format!("<{}> has target port {index}, but serial.ports has only {}", device.name(), ports.len());
        device.error(message)
    })
}

/// Whether `interfaces` says what the interface is at the destination, where it listens included.
fn is_replaced(device: Element<'_>, interfaces: &[Interface]) -> bool {
    let mac =
        device.child("mac").and_then(|mac| mac.attr("address")).and_then(|mac| mac.value().parse().ok());
    interfaces.iter().any(|interface| interface.xml.is_some() && Some(interface.mac) == mac)
}

fn interface<'a>(device: Element<'a>, wanted: &mut Wanted<'a>, editor: &mut Editor<'a>) {
    match device.attr("type").map(|kind| kind.value()).as_deref() {
        Some("server") => device.all("source").for_each(|source| socket(source, wanted, editor)),
        Some("udp") => {
            let local = device.all("source").flat_map(|source| source.children());
            local.filter(|local| local.named("local")).for_each(|local| socket(local, wanted, editor));
        }
        Some("user" | "vhostuser") => {
            for forward in device.all("portForward") {
                wanted.address(forward, "address", editor);
                forward.all("range").for_each(|range| forwarded(range, wanted, editor));
            }
        }
        _ => {}
    }
}

fn socket<'a>(element: Element<'a>, wanted: &mut Wanted<'a>, editor: &mut Editor<'a>) {
    wanted.address(element, "address", editor);
    wanted.port(element, "port", editor);
}

/// A port of the host that passt hands on to the guest; where the definition does not say to which one, to the same.
fn forwarded<'a>(range: Element<'a>, wanted: &mut Wanted<'a>, editor: &mut Editor<'a>) {
    let is_one = range.attr("end").is_none_or(|end| range.is("start", &end.value()));
    if !is_one || range.is("exclude", "yes") {
        return;
    }
    if let Some((old, new)) = wanted.new_port(range, "start").filter(|(old, new)| old != new) {
        editor.set_attr(range, "start", new.to_string());
        if range.attr("end").is_some() {
            editor.set_attr(range, "end", new.to_string());
        }
        if range.attr("to").is_none() {
            editor.set_attr(range, "to", old.to_string());
        }
    }
}
