//! URIs of daemons and of migration data.

use fluent_uri::Uri;

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
