//! What is inside one tag: its name and attributes, checked as XML demands.

use std::collections::HashSet;

use super::characters::{begins_name, continues_name, wrong_reference};

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
const SPECIAL: u8 = 8;
const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' | 0x80.. => NAME | NAME_START,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            b' ' | b'\t' | b'\n' | b'\r' => SPACE,
            b'<' | b'&' | b'"' | b'\'' => SPECIAL,
            _ => 0,
        };
        byte += 1;
    }
    table
}

fn skip(bytes: &[u8], mut at: usize, end: usize, class: u8) -> usize {
    let bytes = &bytes[..end];
    while at < bytes.len() && CLASS[bytes[at] as usize] & class != 0 {
        at += 1;
    }
    at
}

/// The end of the name that begins at `at`.
pub(super) fn name(text: &str, at: usize, end: usize) -> Result<usize, Defect> {
    let bytes = text.as_bytes();
    if at >= end || CLASS[bytes[at] as usize] & NAME_START == 0 {
        return Err((at, "a name is missing or begins with a character that no name begins with"));
    }
    let name_end = skip(bytes, at + 1, end, NAME);
    if bytes[at..name_end].is_ascii() { Ok(name_end) } else { beyond_ascii(text, at, name_end) }
}

/// The end of a name with characters beyond ASCII, of which names have most.
fn beyond_ascii(text: &str, at: usize, end: usize) -> Result<usize, Defect> {
    let wrong = |(index, character): &(usize, char)| {
        !character.is_ascii()
            && !if *index == 0 { begins_name(*character) } else { continues_name(*character) }
    };
    match text[at..end].char_indices().find(wrong) {
        Some((index, _)) => Err((at + index, "a character that no name has")),
        None => Ok(end),
    }
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
        let name_end = name(text, start, end)?;
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
    let bytes = &text.as_bytes()[..end];
    let (quote, mut references, mut at) = (bytes[open], false, open + 1);
    while at < bytes.len() {
        let byte = bytes[at];
        // Most bytes are none of these.
        if CLASS[byte as usize] & SPECIAL != 0 {
            match byte {
                b'<' => return Err((at, "an attribute's value has a < in it")),
                b'&' => references = true,
                _ if byte == quote => {
                    let wrong = if references { wrong_reference(&text[open + 1..at]) } else { None };
                    return wrong.map_or(Ok(at), |(offset, what)| Err((open + 1 + offset, what)));
                }
                _ => {}
            }
        }
        at += 1;
    }
    Err((open, "an attribute's value has no closing quote"))
}

fn distinct(text: &str, attributes: &[Attribute]) -> Result<(), Defect> {
    let name = |attribute: &Attribute| &text.as_bytes()[attribute.name.0 as usize..attribute.name.1 as usize];
    // Most differ in length or first byte, which needs no call.
    let same = |one: &[u8], other: &[u8]| one.len() == other.len() && one[0] == other[0] && one == other;
    let repeated = if attributes.len() <= FEW {
        (1..attributes.len())
            .find(|&last| attributes[..last].iter().any(|other| same(name(other), name(&attributes[last]))))
    } else {
        let mut seen = HashSet::with_capacity(attributes.len());
        attributes.iter().position(|attribute| !seen.insert(name(attribute)))
    };
    match repeated {
        Some(index) => Err((attributes[index].name.0 as usize, "an attribute is there twice")),
        None => Ok(()),
    }
}
