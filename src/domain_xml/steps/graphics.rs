//! Listen addresses of the displays.

use super::Devices;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::retarget::Graphics;

pub(super) fn apply<'a>(devices: &Devices<'a>, graphics: &'a Graphics, editor: &mut Editor<'a>) {
    for display in devices.graphics.iter().copied() {
        let kind = display.attr("type");
        let address = match kind.map(|kind| kind.value()).as_deref() {
            Some("vnc") => graphics.vnc.as_deref(),
            Some("spice") => graphics.spice.as_deref(),
            _ => None,
        };
        let Some(address) = address else { continue };
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
}
