//! Where the guest's firmware and its variables are. Which firmware it is, and how it is mapped, stays.

use quick_xml::escape::escape;

use super::Missing;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::retarget::Firmware;
use crate::domain_xml::{HostPath, XmlError};

pub(super) fn apply<'a>(
    domain: Element<'a>,
    firmware: &'a Firmware,
    editor: &mut Editor<'a>,
    missing: &mut Missing,
) -> Result<(), XmlError> {
    let Some(os) = domain.only("os")? else {
        return missing.add(domain, "the guest has no <os>, which firmware is for".to_owned());
    };
    let loader = os.only("loader")?;
    if let Some(path) = &firmware.loader {
        match loader.filter(|loader| !loader.own_text().trim().is_empty()) {
            Some(loader) => set_path(loader, path, editor),
            // One would be another firmware than the one that the guest runs with.
            None => {
                let reason = "the guest has no <loader> that firmware.loader could change; its host chooses the firmware";
                missing.add(os, reason.to_owned())?;
            }
        }
    }
    nvram(os, loader, firmware, editor, missing)
}

fn nvram<'a>(
    os: Element<'a>,
    loader: Option<Element<'a>>,
    firmware: &'a Firmware,
    editor: &mut Editor<'a>,
    missing: &mut Missing,
) -> Result<(), XmlError> {
    let nvram = os.only("nvram")?;
    if let (Some(path), Some(nvram)) = (&firmware.nvram, nvram) {
        file(nvram, path, editor)?;
    }
    // While libvirt chooses the firmware by itself, it takes no template but its own.
    let template = firmware.template.as_ref().filter(|_| {
        nvram.is_some_and(|nvram| nvram.attr("template").is_some()) || os.attr("firmware").is_none()
    });
    if firmware.template.is_some() && (template.is_none() || (nvram.is_none() && firmware.nvram.is_none())) {
        let reason =
            "the guest has no <nvram> whose template firmware.template could change; its host chooses it";
        missing.add(os, reason.to_owned())?;
    }
    match (nvram, &firmware.nvram, template) {
        (Some(nvram), _, Some(template)) => editor.set_attr(nvram, "template", template.as_str()),
        (None, Some(_), _) if !has_variables(os, loader) => {
            missing
                .add(os, "the guest's firmware has no variables, which firmware.nvram is for".to_owned())?;
        }
        // libvirt would look for the file where it makes one itself.
        (None, Some(path), template) => {
            let template =
                template.map_or(String::new(), |path| format!(" template='{}'", escape(path.as_str())));
            editor.append(os, format!("<nvram{template}>{}</nvram>", escape(path.as_str())));
        }
        _ => {}
    }
    Ok(())
}

/// Whether the firmware keeps variables in a file: UEFI in flash memory that is not stateless.
fn has_variables(os: Element<'_>, loader: Option<Element<'_>>) -> bool {
    let stateless = loader.is_some_and(|loader| loader.is("stateless", "yes"));
    let flash = loader.is_some_and(|loader| loader.is("type", "pflash"));
    !stateless && (flash || os.is("firmware", "efi"))
}

/// The path of an `<nvram>`, in either of the two ways in which one is written.
fn file<'a>(nvram: Element<'a>, path: &'a HostPath, editor: &mut Editor<'a>) -> Result<(), XmlError> {
    match nvram.attr("type") {
        None => set_path(nvram, path, editor),
        Some(kind) if kind.value() == "file" => {
            let source = nvram.only("source")?.ok_or_else(|| nvram.error("an <nvram> has no <source>"))?;
            editor.set_attr(source, "file", path.as_str());
        }
        Some(kind) => {
            let message =
                format!("firmware.nvram is a file, but the guest's <nvram> is of type {:?}", kind.value());
            return Err(nvram.error(message));
        }
    }
    Ok(())
}

/// White space around the path means nothing to people, so one that is right stays as it is written.
fn set_path<'a>(element: Element<'a>, path: &'a HostPath, editor: &mut Editor<'a>) {
    if element.own_text().trim() != path.as_str() {
        editor.set_text(element, path.as_str());
    }
}
