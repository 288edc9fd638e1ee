//! Mediated devices by uuid.

use std::collections::{BTreeMap, BTreeSet};

use super::Devices;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::{Uuid, XmlError};

pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    mdevs: &BTreeMap<Uuid, Uuid>,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let mut seen = BTreeSet::new();
    for device in devices.hostdevs.iter().filter(|device| device.is("type", "mdev")) {
        let address = device.only("source")?.map_or(Ok(None), |source| source.only("address"))?;
        let uuid = address.and_then(|address| address.attr("uuid"));
        let (Some(address), Some(uuid)) = (address, uuid) else {
            return Err(device.error("a mediated device has no uuid in <source><address>"));
        };
        let uuid: Uuid = uuid.value().parse().map_err(|reason: String| address.error(reason))?;
        let Some(wanted) = mdevs.get(&uuid) else {
            return Err(
                address.error(format!("the mediated device {uuid} has none at the destination in mdevs"))
            );
        };
        if !seen.insert(uuid) {
            return Err(address.error(format!("a second mediated device {uuid}")));
        }
        // One that stays keeps its spelling.
        if *wanted != uuid {
            editor.set_attr(address, "uuid", wanted.to_string());
        }
    }
    Ok(())
}
