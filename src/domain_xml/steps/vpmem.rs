//! Device paths of persistent memory.

use super::Devices;
use crate::domain_xml::XmlError;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::identity::domain;
use crate::domain_xml::index::Index;

pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    paths: &'a [String],
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let mut wanted = paths.iter();
    for device in nvdimms(devices) {
        let path = wanted.next().ok_or_else(|| {
            device.error(format!("an nvdimm has no path in vpmem, which has {}", paths.len()))
        })?;
        editor.set_text(path_of(*device)?, path);
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

/// The paths that the nvdimms of a definition have.
pub(in crate::domain_xml) fn paths(xml: &str) -> Result<Vec<String>, XmlError> {
    let index = Index::parse(xml)?;
    let devices = Devices::of(domain(xml, &index)?);
    nvdimms(&devices).map(|device| Ok(path_of(*device)?.own_text().trim().to_owned())).collect()
}

fn nvdimms<'d, 'a>(devices: &'d Devices<'a>) -> impl Iterator<Item = &'d Element<'a>> {
    devices.memory.iter().filter(|device| device.is("model", "nvdimm"))
}

fn path_of(device: Element<'_>) -> Result<Element<'_>, XmlError> {
    let path = device.only("source")?.map_or(Ok(None), |source| source.only("path"))?;
    path.ok_or_else(|| device.error("an nvdimm has no <source><path>"))
}
