//! What is inside one tag: its name and attributes, checked as XML demands.

use std::collections::HashSet;

/// An attribute, as offsets into the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    pub name: (u32, u32),
    /// Without the quotes.
    pub value: (u32, u32),
}

/// A defect inside a tag: where, and what.
pub(super) type Defect = (usize, &'static str);

/// Up to this many attributes each is compared with each; beyond, a set is quicker than an attack.
const FEW: usize = 12;

const NAME: u8 = 1;
const NAME_START: u8 = 2;
const SPACE: u8 = 4;
const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' | 0x80.. => NAME | NAME_START,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            b' ' | b'\t' | b'\n' | b'\r' => SPACE,
            _ => 0,
        };
        byte += 1;
    }
    table
}

fn skip(bytes: &[u8], mut at: usize, end: usize, class: u8) -> usize {
    while at < end && CLASS[bytes[at] as usize] & class != 0 {
        at += 1;
    }
    at
}

/// The end of the name that begins at `at`.
pub(super) fn name(bytes: &[u8], at: usize, end: usize) -> Result<usize, Defect> {
    if at >= end || CLASS[bytes[at] as usize] & NAME_START == 0 {
        return Err((at, "a name is missing or begins with a character that no name begins with"));
    }
    Ok(skip(bytes, at + 1, end, NAME))
}

/// Adds the attributes between a tag's name and its end to `found`.
pub(super) fn attributes(
    text: &str,
    mut at: usize,
    end: usize,
    found: &mut Vec<Attribute>,
) -> Result<(), Defect> {
    let (bytes, first) = (text.as_bytes(), found.len());
    loop {
        let start = skip(bytes, at, end, SPACE);
        if start == end {
            return distinct(text, &found[first..]);
        }
        if start == at {
            return Err((at, "white space is missing before an attribute"));
        }
        let name_end = name(bytes, start, end)?;
        let equals = skip(bytes, name_end, end, SPACE);
        if equals == end || bytes[equals] != b'=' {
            return Err((start, "an attribute has no value"));
        }
        let open = skip(bytes, equals + 1, end, SPACE);
        if open == end || !matches!(bytes[open], b'"' | b'\'') {
            return Err((start, "an attribute's value has no quotes"));
        }
        let close = value(text, open, end)?;
        found.push(Attribute {
            name: (start as u32, name_end as u32),
            value: (open as u32 + 1, close as u32),
        });
        at = close + 1;
    }
}

/// The closing quote of the value whose opening quote is at `open`.
fn value(text: &str, open: usize, end: usize) -> Result<usize, Defect> {
    let bytes = text.as_bytes();
    let (quote, mut references) = (bytes[open], false);
    for (at, &byte) in bytes.iter().enumerate().take(end).skip(open + 1) {
        if byte == quote {
            if references && quick_xml::escape::unescape(&text[open + 1..at]).is_err() {
                return Err((open + 1, "an attribute's value has a reference that is not defined"));
            }
            return Ok(at);
        }
        match byte {
            b'<' => return Err((at, "an attribute's value has a < in it")),
            b'&' => references = true,
            _ => {}
        }
    }
    Err((open, "an attribute's value has no closing quote"))
}

fn distinct(text: &str, attributes: &[Attribute]) -> Result<(), Defect> {
    let name = |attribute: &Attribute| &text[attribute.name.0 as usize..attribute.name.1 as usize];
    let repeated = if attributes.len() <= FEW {
        (1..attributes.len())
            .find(|&last| attributes[..last].iter().any(|other| name(other) == name(&attributes[last])))
    } else {
        let mut seen = HashSet::with_capacity(attributes.len());
        attributes.iter().position(|attribute| !seen.insert(name(attribute)))
    };
    match repeated {
        Some(index) => Err((attributes[index].name.0 as usize, "an attribute is there twice")),
        None => Ok(()),
    }
}
