//! Which domain a definition describes: its name and uuid, read in the pass that checks the document.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::XmlError;

/// The parts of a definition that say whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainIdentity {
    /// The text of `<name>`.
    pub name: String,
    /// The text of `<uuid>`, in lower case, where the definition has one.
    pub uuid: Option<String>,
}

impl DomainIdentity {
    /// Checks that `text` is one well-formed `<domain>` document and reads whose it is.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let mut reader = Reader::from_str(text);
        let mut depth = 0usize;
        let mut seen_root = false;
        let mut field: Option<&'static str> = None;
        let (mut name, mut uuid) = (None::<String>, None::<String>);
        loop {
            let start = reader.buffer_position() as usize;
            let event = reader
                .read_event()
                .map_err(|error| XmlError::at(text, reader.error_position() as usize, error.to_string()))?;
            match event {
                Event::DocType(_) => return Err(XmlError::at(text, start, "a document type is refused")),
                Event::Start(tag) => {
                    if depth == 0 {
                        root(text, start, tag.name().as_ref(), &mut seen_root)?;
                    }
                    field = match (depth, tag.name().as_ref()) {
                        (1, "name") => Some("name"),
                        (1, "uuid") => Some("uuid"),
                        _ => None,
                    };
                    depth += 1;
                }
                Event::Empty(tag) if depth == 0 => root(text, start, tag.name().as_ref(), &mut seen_root)?,
                Event::End(_) => {
                    depth -= 1;
                    field = None;
                }
                Event::Text(value) if depth == 2 => match field {
                    Some("name") => name.get_or_insert_with(String::new).push_str(&value),
                    Some(_) => uuid.get_or_insert_with(String::new).push_str(value.trim()),
                    None => {}
                },
                Event::Eof => break,
                _ => {}
            }
        }
        if depth > 0 || !seen_root {
            return Err(XmlError::at(text, text.len(), "the document ends before its root element does"));
        }
        let name = name.ok_or_else(|| XmlError::at(text, 0, "<domain> has no <name>"))?;
        Ok(Self { name, uuid: uuid.map(|uuid| uuid.to_lowercase()) })
    }
}

fn root(text: &str, at: usize, name: &str, seen: &mut bool) -> Result<(), XmlError> {
    if *seen {
        return Err(XmlError::at(text, at, "a second root element"));
    }
    *seen = true;
    if name == "domain" {
        return Ok(());
    }
    Err(XmlError::at(text, at, format!("the root element is <{name}>, not <domain>")))
}
