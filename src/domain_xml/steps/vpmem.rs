//! Device paths of persistent memory.

use super::Devices;
use crate::domain_xml::XmlError;
use crate::domain_xml::edit::Editor;

pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    paths: &'a [String],
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let mut wanted = paths.iter();
    for device in devices.memory.iter().filter(|device| device.is("model", "nvdimm")) {
        let path = wanted.next().ok_or_else(|| {
            device.error(format!("an nvdimm has no path in vpmem, which has {}", paths.len()))
        })?;
        let element = device.only("source")?.map_or(Ok(None), |source| source.only("path"))?;
        let element = element.ok_or_else(|| device.error("an nvdimm has no <source><path>"))?;
        editor.set_text(element, path);
    }
    match wanted.count() {
        0 => Ok(()),
        left => {
            let message =
                format!("vpmem has {} paths, but the guest has {} nvdimms", paths.len(), paths.len() - left);
            Err(devices.error(message))
        }
    }
}
