//! The differences of two documents, for people: what changed, from what, to what. Secrets are masked.

use std::collections::HashMap;
use std::fmt;

use super::XmlError;
use super::element::Element;
use super::index::Index;
use super::{mask, steps};
use crate::{Error, Result};

/// A difference at one path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct XmlChange {
    /// Where: `/domain/devices/disk[vda]/source/@dev`. In brackets is what names an element among its likes, or
    /// its number among them.
    pub path: String,
    /// The old value, text or element; `None` where there was none.
    pub before: Option<String>,
    /// The new one; `None` where there is none.
    pub after: Option<String>,
}

impl fmt::Display for XmlChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |value: &str| {
            // An element on one line.
            let one_line =
                value.starts_with('<').then(|| value.split_whitespace().collect::<Vec<_>>().join(" "));
            format!(
                "'{}'",
                one_line
                    .as_deref()
                    .unwrap_or(value)
                    .escape_debug()
                    .to_string()
                    .replace("\\'", "'")
                    .replace("\\\"", "\"")
            )
        };
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                write!(f, "{}: {} -> {}", self.path, quoted(before), quoted(after))
            }
            (Some(before), None) => write!(f, "{}: removed {}", self.path, quoted(before)),
            (None, after) => {
                write!(f, "{}: added {}", self.path, quoted(after.as_deref().unwrap_or_default()))
            }
        }
    }
}

/// Elements whose path is longer are compared as a whole: libvirt has none, and each change holds its path.
const MAX_PATH: usize = 256;

/// What is different in `after`, in the order of the documents.
///
/// The order of attributes, white space around text, comments, and the order of elements that have names among
/// their likes (disks by target, interfaces by MAC address and so on) are no differences.
///
/// # Errors
/// [`Error::InvalidDomainXml`] if one of the two is not sound XML; its context is `before` or `after`.
pub fn diff_xml(before: &str, after: &str) -> Result<Vec<XmlChange>> {
    let index = |context: &str, text| {
        Index::parse(text)
            .map_err(|source: XmlError| Error::InvalidDomainXml { context: context.to_owned(), source })
    };
    let (old, new) = (index("before", before)?, index("after", after)?);
    let (old, new) = (Element::root(before, &old), Element::root(after, &new));
    let mut diff = Diff { path: String::new(), changes: Vec::new() };
    diff.children([old].into_iter(), [new].into_iter());
    Ok(diff.changes)
}

struct Diff {
    path: String,
    changes: Vec<XmlChange>,
}

impl Diff {
    fn add(&mut self, end: &str, before: Option<String>, after: Option<String>) {
        self.changes.push(XmlChange { path: format!("{}{end}", self.path), before, after });
    }

    fn element(&mut self, old: Element<'_>, new: Element<'_>) {
        if old.source() == new.source() {
            return;
        }
        if self.path.len() > MAX_PATH {
            if !steps::same(old, new) {
                self.add("", Some(mask::source(old)), Some(mask::source(new)));
            }
            return;
        }
        self.attributes(old, new);
        let (ours, theirs) = (old.own_text(), new.own_text());
        if ours.trim() != theirs.trim() {
            let shown = |element: Element<'_>| {
                let text = mask::text(element).trim().to_owned();
                (!text.is_empty()).then_some(text)
            };
            self.add("", shown(old), shown(new));
        }
        self.children(old.children(), new.children());
    }

    fn attributes(&mut self, old: Element<'_>, new: Element<'_>) {
        let values = |element: Element<'_>| -> HashMap<String, String> {
            let entry = |attribute: super::element::Attr<'_>| {
                (attribute.name.to_owned(), attribute.value().into_owned())
            };
            element.attributes().map(entry).collect()
        };
        let (before, after) = (values(old), values(new));
        let (old_named, new_named) = (mask::names_a_secret(old), mask::names_a_secret(new));
        let shown = |named, name: &str, values: &HashMap<String, String>| {
            values.get(name).map(|value| mask::attribute(named, name, value.clone().into()).into_owned())
        };
        let added = new.attributes().filter(|attribute| !before.contains_key(attribute.name));
        for name in old.attributes().chain(added).map(|attribute| attribute.name) {
            if before.get(name) != after.get(name) {
                self.add(
                    &format!("/@{name}"),
                    shown(old_named, name, &before),
                    shown(new_named, name, &after),
                );
            }
        }
    }

    fn children<'a, 'b>(
        &mut self,
        old: impl Iterator<Item = Element<'a>>,
        new: impl Iterator<Item = Element<'b>>,
    ) {
        let new: Vec<_> = labelled(new);
        let mut known: HashMap<&str, usize> =
            new.iter().enumerate().map(|(index, (label, _))| (label.as_str(), index)).collect();
        let mut matched = vec![false; new.len()];
        let length = self.path.len();
        for (label, element) in labelled(old) {
            self.path.push('/');
            self.path.push_str(&label);
            match known.remove(label.as_str()) {
                Some(index) => {
                    matched[index] = true;
                    self.element(element, new[index].1);
                }
                None => self.add("", Some(mask::source(element)), None),
            }
            self.path.truncate(length);
        }
        for ((label, element), _) in new.iter().zip(matched).filter(|(_, matched)| !matched) {
            self.add(&format!("/{label}"), None, Some(mask::source(*element)));
        }
    }
}

/// Each element with what names it among its siblings.
fn labelled<'a>(elements: impl Iterator<Item = Element<'a>>) -> Vec<(String, Element<'a>)> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let label = |element: Element<'a>| {
        let mut label = shortened(element.name()).to_owned();
        if let Some(key) = key(element) {
            label = format!("{label}[{}]", shortened(&key));
        }
        let count = counts.entry(label.clone()).or_insert(0);
        *count += 1;
        (if *count > 1 { format!("{label}[{count}]") } else { label }, element)
    };
    elements.map(label).collect()
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(64).map_or(text, |(end, _)| &text[..end])
}

/// What names an element among its likes.
fn key(element: Element<'_>) -> Option<String> {
    let of = |element: Option<Element<'_>>, name: &str| Some(element?.attr(name)?.value().into_owned());
    let own = |name: &str| of(Some(element), name);
    match element.name() {
        "disk" | "filesystem" => of(element.child("target"), "dev"),
        "interface" => of(element.child("mac"), "address").map(|mac| mac.to_lowercase()),
        "serial" | "console" | "parallel" => of(element.child("target"), "port"),
        "channel" => of(element.child("target"), "name"),
        "hostdev" => of(element.child("alias"), "name"),
        "graphics" => own("type"),
        "vcpupin" | "vcpu" => own("vcpu").or_else(|| own("id")),
        "iothreadpin" => own("iothread"),
        "memnode" => own("cellid"),
        "cell" => own("id"),
        "event" | "feature" | "timer" => own("name"),
        "controller" => Some(format!("{} {}", own("type")?, own("index")?)),
        _ => None,
    }
}
