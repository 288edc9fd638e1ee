//! Edits of a document: each step says what changes where; one assembly at the end writes the result.
//!
//! Every offset is one of the source. What no edit names is copied, byte for byte.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use quick_xml::escape::escape;

use super::XmlError;
use super::element::Element;
use super::layout::{Layout, before};

struct Splice<'a> {
    range: Range<usize>,
    text: Cow<'a, str>,
}

/// New elements at the end of one that exists, or in a new child of it.
struct Addition<'a> {
    parent: Element<'a>,
    /// The new child that they go into.
    within: Option<&'static str>,
    elements: Vec<String>,
}

/// The edits of one document.
pub(super) struct Editor<'a> {
    text: &'a str,
    splices: Vec<Splice<'a>>,
    additions: Vec<Addition<'a>>,
    /// Where in `additions` an element's are.
    places: HashMap<(u32, Option<&'static str>), usize>,
    removed: HashSet<u32>,
    prunable: Vec<Element<'a>>,
}

impl<'a> Editor<'a> {
    /// No edits yet of the document that has this text.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            // Several hundred in a large guest.
            splices: Vec::with_capacity(text.len() / 256),
            additions: Vec::new(),
            places: HashMap::new(),
            removed: HashSet::new(),
            prunable: Vec::new(),
        }
    }

    /// Puts `text` in place of a range.
    pub fn replace(&mut self, range: Range<usize>, text: impl Into<Cow<'a, str>>) {
        self.splices.push(Splice { range, text: text.into() });
    }

    /// Gives an attribute a value, with the quotes that it has; adds it behind the others where it is missing.
    pub fn set_attr(&mut self, element: Element<'a>, name: &str, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        match element.attr(name) {
            Some(attribute) if attribute.raw == value || attribute.value() == value => {}
            Some(attribute) => {
                self.replace(attribute.at..attribute.at + attribute.raw.len(), escape(value));
            }
            None => {
                let last = element.attributes().next_back();
                let (at, quote) = last.map_or((element.name_end(), '\''), |attribute| {
                    (attribute.range().end, attribute.quote(self.text))
                });
                self.replace(at..at, format!(" {name}={quote}{}{quote}", escape(value)));
            }
        }
    }

    /// Takes an attribute away, with the white space before it.
    pub fn remove_attr(&mut self, element: Element<'a>, name: &str) {
        if let Some(attribute) = element.attr(name) {
            let range = attribute.range();
            self.replace(before(self.text, range.start).start..range.end, "");
        }
    }

    /// Gives an element a text in place of its content.
    pub fn set_text(&mut self, element: Element<'a>, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        if element.own_text() == value && element.children().next().is_none() {
            return;
        }
        let value = escape(value);
        if element.is_one_tag() {
            let end = element.range().end;
            self.replace(end - 2..end, format!(">{value}</{}>", element.name()));
        } else {
            self.replace(element.content(), value);
        }
    }

    /// Takes an element away, with the white space before it.
    pub fn remove(&mut self, element: Element<'a>) {
        let range = element.range();
        self.replace(before(self.text, range.start).start..range.end, "");
        self.removed.insert(element.id());
    }

    /// Takes `element` away at the end, if by then nothing is left in it.
    pub fn prune(&mut self, element: Element<'a>) {
        self.prunable.push(element);
    }

    /// Adds a new element behind the children of `parent`.
    pub fn append(&mut self, parent: Element<'a>, xml: impl Into<String>) {
        self.add(parent, None, xml.into());
    }

    /// Adds a new element behind the children of `parent`'s child `name`, which is made where it is missing.
    pub fn append_within(
        &mut self,
        parent: Element<'a>,
        name: &'static str,
        xml: impl Into<String>,
    ) -> Result<(), XmlError> {
        match parent.only(name)? {
            Some(child) => self.add(child, None, xml.into()),
            None => self.add(parent, Some(name), xml.into()),
        }
        Ok(())
    }

    fn add(&mut self, parent: Element<'a>, within: Option<&'static str>, xml: String) {
        let next = self.additions.len();
        match *self.places.entry((parent.id(), within)).or_insert(next) {
            place if place < next => self.additions[place].elements.push(xml),
            _ => self.additions.push(Addition { parent, within, elements: vec![xml] }),
        }
    }

    /// The document with all edits.
    pub fn finish(mut self) -> Result<String, XmlError> {
        self.settle_pruned();
        self.settle_additions();
        // An insertion comes before what is taken away behind it.
        self.splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        let growth: usize = self.splices.iter().map(|splice| splice.text.len()).sum();
        let mut result = String::with_capacity(self.text.len() + growth);
        let mut done = 0;
        for splice in &self.splices {
            let Some(kept) = self.text.get(done..splice.range.start) else {
                let message = "two changes are asked of the same place";
                return Err(XmlError::at(self.text, splice.range.start, message));
            };
            result.push_str(kept);
            result.push_str(&splice.text);
            done = splice.range.end;
        }
        result.push_str(&self.text[done..]);
        Ok(result)
    }

    fn settle_pruned(&mut self) {
        for element in std::mem::take(&mut self.prunable) {
            let wanted = self.places.contains_key(&(element.id(), None));
            if wanted || !self.is_emptied(element) {
                continue;
            }
            let range = element.range();
            self.splices.retain(|splice| !(range.contains(&splice.range.start)));
            self.remove(element);
        }
    }

    /// Whether nothing but white space is left between the tags.
    fn is_emptied(&self, element: Element<'a>) -> bool {
        let content = element.content();
        let mut at = content.start;
        for child in element.children() {
            if !self.removed.contains(&child.id()) {
                return false;
            }
            if !self.text[at..child.range().start].trim().is_empty() {
                return false;
            }
            at = child.range().end;
        }
        self.text[at..content.end.max(at)].trim().is_empty()
    }

    fn settle_additions(&mut self) {
        let additions = std::mem::take(&mut self.additions);
        let mut whole: BTreeMap<u32, (Element<'a>, Vec<String>)> = BTreeMap::new();
        for addition in additions {
            let parent = addition.parent;
            let elements = match addition.within {
                None => addition.elements,
                Some(name) => vec![Layout::of(parent).wrapped(name, &addition.elements)],
            };
            whole.entry(parent.id()).or_insert((parent, Vec::new())).1.extend(elements);
        }
        for (parent, elements) in whole.into_values() {
            let layout = Layout::of(parent);
            let mut text = String::new();
            for element in &elements {
                text.push_str(&layout.child);
                text.push_str(element);
            }
            if parent.is_one_tag() {
                let end = parent.range().end;
                self.replace(end - 2..end, format!(">{text}{}</{}>", layout.own, parent.name()));
                continue;
            }
            let content = parent.content();
            let filled = self.text[content.clone()].trim_end().len();
            if content.is_empty() {
                text.push_str(&layout.own);
            }
            let at = content.start + filled;
            self.replace(at..at, text);
        }
    }
}
