//! Elements and attributes of an indexed document, read in place.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

use super::XmlError;
use super::index::{Index, NONE, Node};
use super::tag::Attribute;

/// An element of a document.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    text: &'a str,
    index: &'a Index,
    id: u32,
}

/// An attribute of an element: where it is, and its value as it is written.
#[derive(Clone, Copy)]
pub(super) struct Attr<'a> {
    pub name: &'a str,
    pub raw: &'a str,
    /// The offset of the value.
    pub at: usize,
    name_at: usize,
}

impl<'a> Attr<'a> {
    /// The value that is meant. References were checked when the document was read.
    pub fn value(&self) -> Cow<'a, str> {
        if !self.raw.as_bytes().contains(&b'&') {
            return Cow::Borrowed(self.raw);
        }
        unescape(self.raw).unwrap_or(Cow::Borrowed(self.raw))
    }

    /// From the name to behind the closing quote.
    pub fn range(&self) -> Range<usize> {
        self.name_at..self.at + self.raw.len() + 1
    }

    /// The quote around the value.
    pub fn quote(&self, text: &str) -> char {
        if text.as_bytes()[self.at - 1] == b'"' { '"' } else { '\'' }
    }
}

impl<'a> Element<'a> {
    /// The root of the document that `index` is of.
    pub fn root(text: &'a str, index: &'a Index) -> Self {
        Self { text, index, id: 0 }
    }

    fn node(&self) -> &'a Node {
        &self.index.nodes[self.id as usize]
    }

    fn at(&self, id: u32) -> Option<Self> {
        (id != NONE).then_some(Self { id, ..*self })
    }

    /// Its place in the document's order.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The whole document.
    pub fn document(&self) -> &'a str {
        self.text
    }

    pub fn name(&self) -> &'a str {
        let node = self.node();
        &self.text[node.start as usize + 1..node.name_end as usize]
    }

    /// The child elements.
    pub fn children(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        std::iter::successors(self.at(self.node().first_child), |child| child.at(child.node().next))
    }

    /// Whether it has this name.
    #[inline]
    pub fn named(&self, name: &str) -> bool {
        let node = self.node();
        // The first byte tells most names apart, without a call.
        let (bytes, start) = (self.text.as_bytes(), node.start as usize + 1);
        node.name_end as usize - start == name.len()
            && bytes[start] == name.as_bytes()[0]
            && bytes[start..node.name_end as usize] == *name.as_bytes()
    }

    /// The child elements of a name.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = Element<'a>> + use<'a, 'n> {
        self.children().filter(move |child| child.named(name))
    }

    /// The first child element of a name.
    pub fn child(&self, name: &str) -> Option<Element<'a>> {
        self.children().find(|child| child.named(name))
    }

    /// The only child element of a name; a second one is an error.
    pub fn only(&self, name: &str) -> Result<Option<Element<'a>>, XmlError> {
        let mut all = self.children().filter(|child| child.named(name));
        let first = all.next();
        match all.next() {
            Some(second) => Err(second.error(format!("a second <{name}> in <{}>", self.name()))),
            None => Ok(first),
        }
    }

    /// The attributes.
    pub fn attributes(&self) -> impl DoubleEndedIterator<Item = Attr<'a>> + use<'a> {
        let (element, (first, end)) = (*self, self.node().attributes);
        self.index.attributes[first as usize..end as usize].iter().map(move |found| element.read(found))
    }

    fn read(&self, attribute: &Attribute) -> Attr<'a> {
        Attr {
            name: &self.text[attribute.name.0 as usize..attribute.name.1 as usize],
            raw: &self.text[attribute.value.0 as usize..attribute.value.1 as usize],
            at: attribute.value.0 as usize,
            name_at: attribute.name.0 as usize,
        }
    }

    /// The attribute of a name.
    pub fn attr(&self, name: &str) -> Option<Attr<'a>> {
        let (first, end) = self.node().attributes;
        let bytes = self.text.as_bytes();
        let named = |attribute: &&Attribute| {
            (attribute.name.1 - attribute.name.0) as usize == name.len()
                && bytes[attribute.name.0 as usize..attribute.name.1 as usize] == *name.as_bytes()
        };
        self.index.attributes[first as usize..end as usize].iter().find(named).map(|found| self.read(found))
    }

    /// Whether the attribute has this value.
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.attr(name).is_some_and(|attribute| attribute.raw == value || attribute.value() == value)
    }

    /// The whole element.
    pub fn range(&self) -> Range<usize> {
        self.node().start as usize..self.node().end as usize
    }

    /// The element as it is written.
    pub fn source(&self) -> &'a str {
        &self.text[self.range()]
    }

    /// Between the tags; empty, behind the tag, where there is only one.
    pub fn content(&self) -> Range<usize> {
        self.node().open_end as usize..self.node().close as usize
    }

    /// Whether it is written as one tag, `<name/>`.
    pub fn is_one_tag(&self) -> bool {
        self.node().close == self.node().end
    }

    /// Behind the name in the opening tag.
    pub fn name_end(&self) -> usize {
        self.node().name_end as usize
    }

    /// The element and all within it, in the document's order.
    pub fn with_descendants(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let (element, end) = (*self, self.node().end);
        let count = self.index.nodes.len() as u32;
        let ids = (self.id..count).take_while(move |id| element.index.nodes[*id as usize].start < end);
        ids.map(move |id| Element { id, ..element })
    }

    /// Its own text: without comments and child elements, with references resolved.
    pub fn own_text(&self) -> Cow<'a, str> {
        let content = self.content();
        if self.node().first_child == NONE {
            return plain(&self.text[content]);
        }
        let (mut text, mut at) = (String::new(), content.start);
        for child in self.children() {
            text.push_str(&plain(&self.text[at..child.range().start]));
            at = child.range().end;
        }
        text.push_str(&plain(&self.text[at..content.end]));
        Cow::Owned(text)
    }

    /// An error at this element.
    pub fn error(&self, message: impl Into<String>) -> XmlError {
        XmlError::at(self.text, self.range().start, message)
    }
}

/// The text between tags, without comments and with references resolved.
fn plain(content: &str) -> Cow<'_, str> {
    if !content.bytes().any(|byte| byte == b'<' || byte == b'&') {
        return Cow::Borrowed(content);
    }
    let (mut reader, mut text) = (Reader::from_str(content), String::new());
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Text(part) => text.push_str(&part),
            Event::CData(part) => text.push_str(&part),
            Event::GeneralRef(name) => {
                text.push_str(&unescape(&format!("&{};", &*name)).unwrap_or_default());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    Cow::Owned(text)
}
