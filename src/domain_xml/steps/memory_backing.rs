//! Memory backed by files, or not.

use crate::domain_xml::XmlError;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::retarget::MemoryBacking;

const BACKING: &str = "memoryBacking";

pub(super) fn apply<'a>(
    domain: Element<'a>,
    wanted: MemoryBacking,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let backing = domain.only(BACKING)?;
    if wanted.file_backed {
        return by_files(domain, backing, wanted.discard, editor);
    }
    let Some(backing) = backing else { return Ok(()) };
    let source = backing.only("source")?;
    let goes = source
        .is_some_and(|source| source.is("type", "file") || (wanted.drop_memfd && source.is("type", "memfd")));
    // Sharing and allocation of hugepages or plain memory are the guest's own, and stay.
    if goes {
        for name in ["source", "access", "allocation", "discard"] {
            if let Some(element) = backing.only(name)? {
                editor.remove(element);
            }
        }
    }
    Ok(())
}

fn by_files<'a>(
    domain: Element<'a>,
    backing: Option<Element<'a>>,
    discard: bool,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let child = |name| backing.map_or(Ok(None), |backing| backing.only(name));
    for (name, attribute, value) in
        [("source", "type", "file"), ("access", "mode", "shared"), ("allocation", "mode", "immediate")]
    {
        match child(name)? {
            Some(element) => editor.set_attr(element, attribute, value),
            None => editor.append_within(domain, BACKING, format!("<{name} {attribute}='{value}'/>"))?,
        }
    }
    match child("discard")? {
        Some(element) if !discard => editor.remove(element),
        None if discard => editor.append_within(domain, BACKING, "<discard/>")?,
        _ => {}
    }
    Ok(())
}
