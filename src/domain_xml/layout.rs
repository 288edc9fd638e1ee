//! The white space of new elements: as their neighbours have it.

use std::ops::Range;

use super::element::Element;

/// The white space before children of an element, and before its closing tag.
pub(super) struct Layout {
    /// Before each child: a line break and its indentation, or nothing.
    pub child: String,
    /// Before the closing tag.
    pub own: String,
}

impl Layout {
    /// How `parent` is laid out, seen from its last child or else from its own place.
    pub fn of(parent: Element<'_>) -> Self {
        let text = parent.document();
        let own = line(&text[before(text, parent.range().start)]);
        let child = match parent.children().last() {
            Some(child) => text[before(text, child.range().start)].to_owned(),
            // The root stands at the start of its line without a break before it.
            None if own.is_empty() && !text.trim_end().contains('\n') => String::new(),
            None if own.is_empty() => "\n  ".to_owned(),
            None => format!("{own}  "),
        };
        let own = if own.is_empty() && child.contains('\n') { "\n".to_owned() } else { own.to_owned() };
        Self { child, own }
    }

    /// A new child around `elements`.
    pub fn wrapped(&self, name: &str, elements: &[String]) -> String {
        let child = line(&self.child);
        let inner = if child.is_empty() { String::new() } else { format!("{child}  ") };
        let mut text = format!("<{name}>");
        for element in elements {
            text.push_str(&inner);
            text.push_str(element);
        }
        text.push_str(child);
        text + "</" + name + ">"
    }
}

/// The white space that ends at `at`.
pub(super) fn before(text: &str, at: usize) -> Range<usize> {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let length = text.as_bytes()[..at].iter().rev().take_while(|byte| space(byte)).count();
    at - length..at
}

/// The last line break of a run of white space, and the indentation behind it.
fn line(space: &str) -> &str {
    match space.rfind('\n') {
        Some(at) if space[..at].ends_with('\r') => &space[at - 1..],
        Some(at) => &space[at..],
        None => "",
    }
}
