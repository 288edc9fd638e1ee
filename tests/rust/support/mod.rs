//! What the tests of the domain XML layer share.

pub mod check;
pub mod parsers;

use libvirt_migrate::Error;
use libvirt_migrate::domain_xml::{Retarget, XmlChange, diff_xml};
use serde_json::Value;

/// Definitions as libvirt, an old version of it, and people write them.
pub const DEFINITIONS: [(&str, &str); 3] = [
    ("nova-q35", include_str!("../../definitions/nova-q35.xml")),
    ("odd", include_str!("../../definitions/odd.xml")),
    ("flat", include_str!("../../definitions/flat.xml")),
];

/// The definition with everything in it.
pub const NOVA: &str = DEFINITIONS[0].1;
/// Carriage returns, tabs, CDATA, references, comments, processing instructions.
pub const ODD: &str = DEFINITIONS[1].1;
/// Everything on one line.
pub const FLAT: &str = DEFINITIONS[2].1;

pub fn retarget(fields: Value) -> Retarget {
    Retarget::from_value(fields).unwrap()
}

pub fn apply(fields: Value, xml: &str) -> String {
    retarget(fields).apply(xml).unwrap()
}

/// The message of the error and its line.
pub fn refused(fields: Value, xml: &str) -> (String, usize) {
    match retarget(fields).apply(xml).unwrap_err() {
        Error::InvalidDomainXml { source, .. } => (source.message, source.line),
        other => panic!("{other}"),
    }
}

/// What changed, one line each.
pub fn changes(before: &str, after: &str) -> Vec<String> {
    diff_xml(before, after).unwrap().iter().map(XmlChange::to_string).collect()
}

/// The line of the first occurrence.
pub fn line_of(xml: &str, text: &str) -> usize {
    xml[..xml.find(text).unwrap()].matches('\n').count() + 1
}

/// The change of `NOVA` is this replacement of text, and nothing else.
pub fn only(fields: Value, pairs: &[(&str, &str)]) {
    let mut wanted = NOVA.to_owned();
    for (from, to) in pairs {
        assert!(wanted.contains(from), "{from}");
        wanted = wanted.replace(from, to);
    }
    let found = apply(fields, NOVA);
    assert!(found == wanted, "{:#?}", changes(&wanted, &found));
}

/// The error names the element on the line of `at`.
pub fn fails(fields: Value, xml: &str, message: &str, at: &str) {
    let (found, line) = refused(fields, xml);
    assert!(found.contains(message), "{found}");
    assert_eq!(line, line_of(xml, at), "{found}");
}
