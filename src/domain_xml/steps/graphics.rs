//! Listen addresses and ports of the displays.

use super::{Devices, Missing};
use crate::domain_xml::XmlError;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::retarget::{DisplayPort, Graphics};

/// What libvirt reads as: the host takes a port that is free.
const CHOSEN: &str = "-1";

pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    graphics: &'a Graphics,
    editor: &mut Editor<'a>,
    missing: &mut Missing,
) -> Result<(), XmlError> {
    for display in devices.graphics.iter().copied() {
        let kind = display.attr("type");
        let address = match kind.map(|kind| kind.value()).as_deref() {
            Some("vnc") => graphics.vnc.as_deref(),
            Some("spice") => graphics.spice.as_deref(),
            Some("rdp") => graphics.rdp.as_deref(),
            _ => None,
        };
        if let Some(address) = address {
            listen(display, address, editor);
        }
    }
    let fields = [
        ("vnc", "vnc_port", graphics.vnc_port),
        ("vnc", "vnc_websocket", graphics.vnc_websocket),
        ("spice", "spice_port", graphics.spice_port),
        ("spice", "spice_tls_port", graphics.spice_tls_port),
        ("rdp", "rdp_port", graphics.rdp_port),
    ];
    for (kind, field, _) in fields.iter().filter(|(.., port)| port.is_some()) {
        let mut displays = devices.graphics.iter().filter(|display| display.is("type", kind));
        if displays.next().is_none() {
            missing.add(
                devices.place(),
                format!("the guest has no {kind} display, which graphics.{field} is for"),
            )?;
        }
        if let Some(second) = displays.next() {
            return Err(second.error(format!("a second {kind} display, and graphics.{field} is for one")));
        }
    }
    for display in devices.graphics.iter().copied() {
        match display.attr("type").map(|kind| kind.value()).as_deref() {
            Some("vnc") => {
                only_port(display, graphics.vnc_port, editor);
                set(display, "websocket", graphics.vnc_websocket, editor);
            }
            Some("spice") => two_ports(display, graphics, editor),
            Some("rdp") => only_port(display, graphics.rdp_port, editor),
            _ => {}
        }
    }
    Ok(())
}

fn listen<'a>(display: Element<'a>, address: &'a str, editor: &mut Editor<'a>) {
    if display.attr("listen").is_some() {
        editor.set_attr(display, "listen", address);
    }
    for listen in display.all("listen") {
        let takes_one = match listen.attr("type").map(|kind| kind.value()).as_deref() {
            Some("address") | None => true,
            // The address that the source found for the network; QEMU listens there if it is not replaced.
            Some("network") => listen.attr("address").is_some(),
            Some(_) => false,
        };
        if takes_one {
            editor.set_attr(listen, "address", address);
        }
    }
}

/// The port of a display with one. The one that a running guest has is written even where the host has chosen it.
fn only_port<'a>(display: Element<'a>, port: Option<DisplayPort>, editor: &mut Editor<'a>) {
    let chosen = display.is("autoport", "yes");
    match port {
        Some(DisplayPort::Auto) if chosen => return,
        Some(DisplayPort::Auto) => editor.set_attr(display, "autoport", "yes"),
        Some(DisplayPort::Number(_)) if chosen => editor.set_attr(display, "autoport", "no"),
        _ => {}
    }
    set(display, "port", port, editor);
}

/// The two ports of a SPICE display. Both are chosen by the host, or each is fixed or chosen by itself.
fn two_ports<'a>(display: Element<'a>, graphics: &Graphics, editor: &mut Editor<'a>) {
    let (port, tls) = (graphics.spice_port, graphics.spice_tls_port);
    let is_number = |port: Option<DisplayPort>| matches!(port, Some(DisplayPort::Number(_)));
    if !display.is("autoport", "yes") {
        set(display, "port", port, editor);
        set(display, "tlsPort", tls, editor);
    } else if is_number(port) || is_number(tls) {
        editor.set_attr(display, "autoport", "no");
        set(display, "port", port.or(Some(DisplayPort::Auto)), editor);
        let has_tls = display.attr("tlsPort").is_some();
        set(display, "tlsPort", tls.or(has_tls.then_some(DisplayPort::Auto)), editor);
    }
}

fn set<'a>(display: Element<'a>, attribute: &str, port: Option<DisplayPort>, editor: &mut Editor<'a>) {
    match port {
        Some(DisplayPort::Auto) => editor.set_attr(display, attribute, CHOSEN),
        Some(DisplayPort::Number(port)) => editor.set_attr(display, attribute, port.to_string()),
        None => {}
    }
}
