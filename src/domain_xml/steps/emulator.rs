//! QEMU's binary.

use quick_xml::escape::escape;

use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::{HostPath, Setting, XmlError};

pub(super) fn apply<'a>(
    domain: Element<'a>,
    wanted: &'a Setting<HostPath>,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let emulator = domain.only("devices")?.map_or(Ok(None), |devices| devices.only("emulator"))?;
    match (wanted, emulator) {
        (Setting::Set(path), Some(emulator)) => editor.set_text(emulator, path.as_str()),
        (Setting::Set(path), None) => {
            let xml = format!("<emulator>{}</emulator>", escape(path.as_str()));
            editor.append_within(domain, "devices", xml)?;
        }
        (Setting::Remove, Some(emulator)) => editor.remove(emulator),
        (Setting::Remove, None) => {}
    }
    Ok(())
}
