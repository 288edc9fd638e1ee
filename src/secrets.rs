//! Texts without what can be secret in them.

/// A text of libvirt's or of others with the user, password and query of each URI in it left out.
///
/// It goes by the characters, since such a text can hold what is no URI: all of an authority up to its last `@`,
/// and all of a query. `mask` in `libvirt_migrate/_mask.py` is the same rule.
pub fn mask_uris(text: &str) -> String {
    let (mut result, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        result.push_str(before);
        let authority = after.find(|c| is_space(c) || matches!(c, '/' | '?' | '#')).unwrap_or(after.len());
        let secret = after[..authority].rfind('@').map_or(0, |at| at + 1);
        let uri = &after[secret..];
        let end = uri.find(is_space).unwrap_or(uri.len());
        // Another one may begin in it.
        let end = uri[..end].find("://").unwrap_or(end);
        let shown = uri[..end].find('?').unwrap_or(end);
        result.push_str(&uri[..shown]);
        rest = &uri[end..];
        if shown < end {
            // What is left of a query that has a URI in it is secret as well.
            rest = &rest[rest.find(is_space).unwrap_or(rest.len())..];
        }
    }
    result.push_str(rest);
    result
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

#[cfg(test)]
mod tests {
    use super::mask_uris;

    #[test]
    fn texts_lose_the_secrets_of_their_uris() {
        for (text, shown) in [
            (
                "cannot reach qemu+ssh://u:pw@h:22/system: no route",
                "cannot reach qemu+ssh://h:22/system: no route",
            ),
            ("'tcp://a:p@b@host' or 'tcp://it's:pw@host'", "'tcp://host' or 'tcp://host'"),
            ("tcp://pw@host?x=1&password=pw", "tcp://host"),
            ("qemu+tcp://u:pw@[::1/system", "qemu+tcp://[::1/system"),
            ("a://h/?x=b://u:pw@c/d?pw, e", "a://h/ e"),
            ("mail to pw@host; see http://a/b", "mail to pw@host; see http://a/b"),
            ("://", "://"),
        ] {
            assert_eq!(mask_uris(text), shown);
        }
    }
}
