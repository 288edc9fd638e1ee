//! One pass over a document: where each element and attribute is, with everything refused that is not sound XML.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::XmlError;
use super::characters;
use super::tag::{self, Attribute};

/// The largest document, in bytes: libvirt's remote protocol carries no longer string (`REMOTE_STRING_MAX`).
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The deepest nesting: what libxml2, and so libvirt, parses by default.
pub const MAX_DEPTH: usize = 256;

pub(super) const NONE: u32 = u32::MAX;

/// An element, as offsets into the document and places in the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// The `<` of the opening tag.
    pub start: u32,
    pub name_end: u32,
    /// Behind the `>` of the opening tag.
    pub open_end: u32,
    /// The `<` of the closing tag; `end` in an element without one.
    pub close: u32,
    /// Behind the element.
    pub end: u32,
    pub attributes: (u32, u32),
    pub first_child: u32,
    pub next: u32,
}

/// The elements of a document in its order; the root is the first.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub nodes: Vec<Node>,
    pub attributes: Vec<Attribute>,
}

struct Builder<'a> {
    text: &'a str,
    index: Index,
    /// The open elements, each with its last child.
    open: Vec<(u32, u32)>,
}

impl Index {
    /// Reads one document.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        if text.len() > MAX_BYTES {
            let message = format!("the document has {} bytes; at most {MAX_BYTES} are taken", text.len());
            return Err(XmlError::at(text, 0, message));
        }
        if let Some((at, what)) = characters::refused(text) {
            return Err(XmlError::at(text, at, what));
        }
        // About what libvirt's own definitions have.
        let index = Index {
            nodes: Vec::with_capacity(text.len() / 40),
            attributes: Vec::with_capacity(text.len() / 24),
        };
        let mut builder = Builder { text, index, open: Vec::with_capacity(16) };
        builder.run()?;
        Ok(builder.index)
    }
}

/// quick-xml's message. It quotes what it takes for a name, which can go on to the next element's password.
fn in_words(error: &quick_xml::Error) -> String {
    use quick_xml::errors::IllFormedError::{MismatchedEndTag, MissingDeclVersion, UnmatchedEndTag};
    let quoted = match error {
        quick_xml::Error::IllFormed(MismatchedEndTag { found: name, .. } | UnmatchedEndTag(name))
        | quick_xml::Error::IllFormed(MissingDeclVersion(Some(name))) => name,
        other => return other.to_string(),
    };
    let is_name = tag::name(quoted, 0, quoted.len()).is_ok_and(|end| end == quoted.len());
    match error {
        _ if is_name => error.to_string(),
        quick_xml::Error::IllFormed(MismatchedEndTag { expected, .. }) => {
            format!("ill-formed document: expected `</{expected}>`, but something else was found")
        }
        _ => "ill-formed document: a name is missing or has a wrong character".to_owned(),
    }
}

impl Builder<'_> {
    fn run(&mut self) -> Result<(), XmlError> {
        let text = self.text;
        // quick-xml does not count a byte order mark.
        let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        if text[mark..].starts_with('\u{feff}') {
            return Err(self.error(mark, "text outside the root element"));
        }
        let mut reader = Reader::from_str(&text[mark..]);
        reader.config_mut().check_comments = true;
        let mut start = mark;
        loop {
            let event = reader.read_event();
            let end = mark + reader.buffer_position() as usize;
            match &event {
                Ok(Event::Start(tag)) => self.begin(start, tag.name().as_ref().len(), end, 1)?,
                Ok(Event::Empty(tag)) => self.begin(start, tag.name().as_ref().len(), end, 2)?,
                Ok(Event::End(_)) => self.close(start, end),
                Ok(Event::Text(content)) if self.open.is_empty() => {
                    if let Some(at) = content.find(|c| !matches!(c, ' ' | '\t' | '\n' | '\r')) {
                        return Err(self.error(start + at, "text outside the root element"));
                    }
                }
                Ok(Event::Text(content)) => {
                    if let Some(at) = content.find("]]>") {
                        return Err(self.error(start + at, "]]> outside a CDATA section"));
                    }
                }
                Ok(Event::CData(_) | Event::GeneralRef(_)) if self.open.is_empty() => {
                    return Err(self.error(start, "text outside the root element"));
                }
                Ok(Event::GeneralRef(_)) => {
                    if let Some((_, what)) = characters::wrong_reference(&text[start..end]) {
                        return Err(self.error(start, what));
                    }
                }
                Ok(Event::DocType(_)) => return Err(self.error(start, "a document type is refused")),
                Ok(Event::Decl(declaration)) => {
                    if start != mark {
                        return Err(self.error(start, "an XML declaration that is not at the start"));
                    }
                    // The text is Unicode already; libvirt would decode it once more.
                    let encoding = declaration.encoding().and_then(Result::ok);
                    let known = ["utf-8", "utf8", "us-ascii"];
                    if encoding.is_some_and(|name| !known.iter().any(|ours| name.eq_ignore_ascii_case(ours)))
                    {
                        return Err(self.error(start, "an encoding other than UTF-8 is refused"));
                    }
                }
                Ok(Event::Eof) => break,
                Ok(Event::CData(_) | Event::Comment(_) | Event::PI(_)) => {}
                Err(error) => {
                    let at = mark + reader.error_position() as usize;
                    return Err(XmlError::at(text, at, in_words(error)));
                }
            }
            start = end;
        }
        if !self.open.is_empty() || self.index.nodes.is_empty() {
            return Err(self.error(text.len(), "the document ends before its root element does"));
        }
        Ok(())
    }

    fn error(&self, at: usize, message: &str) -> XmlError {
        XmlError::at(self.text, at, message)
    }

    /// An opening tag, or with a `tail` of 2 a whole element.
    fn begin(&mut self, start: usize, name_length: usize, end: usize, tail: usize) -> Result<(), XmlError> {
        let defect = |(at, message)| XmlError::at(self.text, at, message);
        let name_end = tag::name(self.text, start + 1, end - tail).map_err(defect)?;
        if name_end != start + 1 + name_length {
            return Err(self.error(name_end, "a character that no name has"));
        }
        let first = self.index.attributes.len() as u32;
        tag::attributes(self.text, name_end, end - tail, &mut self.index.attributes).map_err(defect)?;
        let id = self.index.nodes.len() as u32;
        self.link(start, id)?;
        self.index.nodes.push(Node {
            start: start as u32,
            name_end: name_end as u32,
            open_end: end as u32,
            close: end as u32,
            end: end as u32,
            attributes: (first, self.index.attributes.len() as u32),
            first_child: NONE,
            next: NONE,
        });
        if tail == 1 {
            if self.open.len() == MAX_DEPTH {
                let message = format!("elements are nested deeper than {MAX_DEPTH}");
                return Err(self.error(start, &message));
            }
            self.open.push((id, NONE));
        }
        Ok(())
    }

    /// Makes element `id` the next child of the open element.
    fn link(&mut self, start: usize, id: u32) -> Result<(), XmlError> {
        let Some((parent, last)) = self.open.last_mut() else {
            return if id == 0 { Ok(()) } else { Err(self.error(start, "a second root element")) };
        };
        match *last {
            NONE => self.index.nodes[*parent as usize].first_child = id,
            last => self.index.nodes[last as usize].next = id,
        }
        *last = id;
        Ok(())
    }

    fn close(&mut self, start: usize, end: usize) {
        // quick-xml has checked that the names match.
        if let Some((id, _)) = self.open.pop() {
            let node = &mut self.index.nodes[id as usize];
            (node.close, node.end) = (start as u32, end as u32);
        }
    }
}
