//! Listen addresses and ports of TCP serial ports and consoles.

use super::Devices;
use crate::domain_xml::XmlError;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::retarget::Serial;

pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    serial: &'a Serial,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    for device in devices.serials.iter().copied() {
        if !device.is("type", "tcp") {
            continue;
        }
        for source in device.all("source") {
            // The address of one that connects is another host's, and stays right.
            if source.is("mode", "connect") {
                continue;
            }
            if let Some(address) = serial.address.as_deref().filter(|_| source.attr("host").is_some()) {
                editor.set_attr(source, "host", address);
            }
            if !serial.ports.is_empty() && source.attr("service").is_some() {
                editor.set_attr(source, "service", port(device, &serial.ports)?.to_string());
            }
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
