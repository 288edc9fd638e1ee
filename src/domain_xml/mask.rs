//! Passwords and secrets, kept out of what people read.

use std::borrow::Cow;

use super::element::Element;

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Parts of names, in lower case, whose values are secret.
const NAMES: [&str; 9] =
    ["passw", "passphrase", "secret", "token", "cookie", "credential", "private", "session", "query"];
/// Parts of values, in lower case, that give a secret away: arguments of QEMU, keys.
const VALUES: [&str; 6] = ["password=", "passwd=", "secret=", "token=", "data=", "-----begin"];

/// Whether an element's `name` attribute says that its `value` is secret. Asked once for all of its attributes.
pub(super) fn names_a_secret(element: Element<'_>) -> bool {
    element.attr("name").is_some_and(|name| is_name(&name.value()))
}

/// The value of an attribute, or the mask. `named` is what [`names_a_secret`] says of its element.
pub(super) fn attribute<'a>(named: bool, name: &str, value: Cow<'a, str>) -> Cow<'a, str> {
    let secret = is_name(name) || (named && name == "value") || is_value(&value);
    if secret { Cow::Borrowed(MASK) } else { value }
}

/// The text of an element, or the mask.
pub(super) fn text(element: Element<'_>) -> Cow<'_, str> {
    let text = element.own_text();
    if has_secret_text(element) || is_value(&text) { Cow::Borrowed(MASK) } else { text }
}

/// An element as it is written, with masks.
pub(super) fn source(element: Element<'_>) -> String {
    let (document, whole) = (element.document(), element.range());
    let (mut result, mut done) = (String::with_capacity(whole.len()), whole.start);
    let mut hide = |start: usize, end: usize| {
        if start >= done {
            result.push_str(&document[done..start]);
            result.push_str(MASK);
            done = end;
        }
    };
    for inner in element.with_descendants() {
        let named = names_a_secret(inner);
        for found in inner.attributes() {
            if attribute(named, found.name, found.value()) == MASK {
                hide(found.at, found.at + found.raw.len());
            }
        }
        let content = inner.content();
        let own = || inner.own_text();
        let hidden = has_secret_text(inner) || (inner.children().next().is_none() && is_value(&own()));
        if hidden && !document[content.clone()].trim().is_empty() && inner.children().next().is_none() {
            hide(content.start, content.end);
        }
    }
    result.push_str(&document[done..whole.end]);
    result
}

fn has_secret_text(element: Element<'_>) -> bool {
    let has_text = !element.own_text().trim().is_empty();
    has_text && (is_name(element.name()) || names_a_secret(element))
}

fn is_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|part| name.contains(part))
}

fn is_value(value: &str) -> bool {
    let with_password = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    };
    if value.split("://").skip(1).any(with_password) {
        return true;
    }
    let value = value.to_ascii_lowercase();
    VALUES.iter().any(|part| value.contains(part))
}
