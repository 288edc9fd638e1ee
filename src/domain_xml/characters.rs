//! The characters that XML 1.0 has: in a document, in its references, and in its names.

/// Whether a document may have this character (`Char` in XML 1.0).
pub(super) fn is_allowed(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        other => other >= ' ',
    }
}

/// The first character of `text` that no document may have: where, and what.
pub(super) fn refused(text: &str) -> Option<(usize, &'static str)> {
    let bytes = text.as_bytes();
    // Control characters, and the byte with which U+FFFE, U+FFFF and few others begin.
    let suspect = |byte: u8| (byte < b' ' && byte != b'\t' && byte != b'\n' && byte != b'\r') || byte == 0xef;
    // Without a way out of the inner loop it runs on whole registers.
    let any = |chunk: &[u8]| chunk.iter().fold(false, |any, &byte| any | suspect(byte));
    let start = bytes.chunks(1024).position(any)? * 1024;
    let mut at = bytes[start..].iter().position(|&byte| suspect(byte))? + start;
    loop {
        match &bytes[at..] {
            [0, ..] => return Some((at, "a NUL character")),
            [byte, ..] if *byte < b' ' => return Some((at, "a control character")),
            [0xef, 0xbf, 0xbe | 0xbf, ..] => {
                return Some((at, "U+FFFE or U+FFFF, which are no characters of XML"));
            }
            _ => at += 1 + bytes[at + 1..].iter().position(|&byte| suspect(byte))?,
        }
    }
}

/// The first reference in `text` that means nothing: where, and why.
pub(super) fn wrong_reference(text: &str) -> Option<(usize, &'static str)> {
    text.match_indices('&').find_map(|(at, _)| {
        let name = text[at + 1..].split_once(';').map(|(name, _)| name);
        reference(name.unwrap_or_default()).err().map(|reason| (at, reason))
    })
}

/// The character that a reference of this name means.
fn reference(name: &str) -> Result<char, &'static str> {
    let number = match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "apos" => return Ok('\''),
        "quot" => return Ok('"'),
        _ => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
            (Some(digits), _) => number(digits, 16),
            (None, Some(digits)) => number(digits, 10),
            (None, None) => None,
        },
    };
    let character = number.ok_or("a reference that is not defined")?;
    let character = char::from_u32(character).filter(|character| is_allowed(*character));
    character.ok_or("a reference to what is no character of XML")
}

/// A number of digits alone; one that is too large for any character is one that none has.
fn number(digits: &str, radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0u32, |number, digit| {
        Some(number.saturating_mul(radix).saturating_add(digit.to_digit(radix)?))
    })
}

/// Whether a name may begin with this character, which is not one of ASCII.
pub(super) fn begins_name(character: char) -> bool {
    matches!(character,
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// Whether a name may have this character, which is not one of ASCII, behind its first.
pub(super) fn continues_name(character: char) -> bool {
    begins_name(character) || matches!(character, '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters() {
        assert_eq!(refused("a\tb\r\n\u{7f}\u{85}é\u{fffd}\u{feff}\u{ff01}"), None);
        assert_eq!(refused("é\u{1}").map(|(at, _)| at), Some(2));
        assert_eq!(refused("\u{feff}\u{ff01}\u{ffff}").map(|(at, _)| at), Some(6));
        assert_eq!(refused(&format!("{}\u{fffe}", "é".repeat(1023))).map(|(at, _)| at), Some(2046));
        assert_eq!(refused(&format!("{}\u{ff01}\0", " ".repeat(1023))).map(|(at, _)| at), Some(1026));
    }

    #[test]
    fn references() {
        assert_eq!(wrong_reference("&lt;&gt;&amp;&apos;&quot;&#9;&#x0A;&#xfffd;&#65533;&#x10FFFF;"), None);
        for (text, at) in [
            ("a&#1;", 1),
            ("&#x1f;", 0),
            ("&lt;&#xFFFE;", 4),
            ("&#xD800;", 0),
            ("&#0;", 0),
            ("&#99999999999;", 0),
            ("&#X41;", 0),
            ("&#+65;", 0),
            ("&#;", 0),
            ("&#x;", 0),
            ("&;", 0),
            ("& ;", 0),
            ("&lt", 0),
        ] {
            assert_eq!(wrong_reference(text).map(|(at, _)| at), Some(at), "{text}");
        }
    }
}
