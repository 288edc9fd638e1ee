//! URIs of daemons and of migration data.

use fluent_uri::Uri;

pub use crate::secrets::mask_uris;
use crate::{Error, Result};

/// Refuses text that is not an absolute URI (RFC 3986), naming the parameter that holds it.
pub fn check_uri(parameter: &str, text: &str) -> Result<()> {
    match Uri::parse(text) {
        Ok(_) => Ok(()),
        // The text itself may carry a password.
        Err(error) => Err(Error::parameter(parameter, format!("is not a URI: {error}"))),
    }
}

/// The scheme of a URI, in the case it has there.
pub fn scheme(text: &str) -> Option<&str> {
    Uri::parse(text).ok().map(|uri| uri.scheme().as_str())
}

/// A URI for messages: scheme, host, port and path. User, password and query stay out, and whatever in a path
/// could be those of a URI with a slash too few.
pub fn without_secrets(text: &str) -> String {
    let Ok(uri) = Uri::parse(text) else { return "?".to_owned() };
    let host = uri.authority().map_or("", |authority| authority.host());
    let port = uri.authority().and_then(|authority| authority.port()).map(|port| format!(":{port}"));
    let path = uri.path().as_str();
    let path = path.rsplit_once('@').map_or(path, |(_, rest)| rest);
    format!("{}://{host}{}{path}", uri.scheme().as_str(), port.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn messages_carry_no_secrets() {
        for (uri, shown) in [
            ("qemu+ssh://root:hunter2@host2:22/system?keyfile=/k", "qemu+ssh://host2:22/system"),
            ("qemu:///system", "qemu:///system"),
            ("qemu+tcp://[fd00::2]/system", "qemu+tcp://[fd00::2]/system"),
            ("no uri", "?"),
            ("qemu+ssh:/root:hunter2@host2/system", "qemu+ssh://host2/system"),
            ("qemu+ssh:://root:hunter2@host2/system", "qemu+ssh://host2/system"),
        ] {
            assert_eq!(without_secrets(uri), shown);
        }
    }
}
