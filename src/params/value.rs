//! The value of one parameter, checked on its own.

use std::fmt;

use super::table::{Kind, Param};
use crate::uri::{check_uri, mask_uris};
use crate::{Error, Result};

/// What a parameter can hold.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// One string.
    String(String),
    /// A parameter that libvirt takes several times.
    Strings(Vec<String>),
    /// A number, of whichever of libvirt's integer types the parameter has.
    Number(i128),
}

/// The compression methods of libvirt 12.8.0.
const METHODS: [&str; 4] = ["xbzrle", "mt", "zlib", "zstd"];

impl Value {
    /// Checks that `param` can hold this value.
    pub fn check(&self, param: Param) -> Result<()> {
        let refuse = |reason: String| Err(Error::parameter(param.name(), reason));
        match (param.kind(), self) {
            (Kind::String, Self::String(text)) => check_text(param, text),
            (Kind::Uri, Self::String(text)) => {
                check_text(param, text)?;
                check_uri(param.name(), text)
            }
            (Kind::Disks, Self::Strings(disks)) => check_list(param, disks),
            (Kind::Methods, Self::Strings(methods)) => {
                check_list(param, methods)?;
                match methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
                    Some(method) => refuse(format!("{method:?} is not one of {}", METHODS.join(", "))),
                    None => Ok(()),
                }
            }
            (Kind::Int(min, max), Self::Number(number)) => {
                check_range(param, *number, i128::from(min), i128::from(max))
            }
            (Kind::UnsignedLong(min, max), Self::Number(number)) => {
                check_range(param, *number, i128::from(min), i128::from(max))?;
                if param == Param::CompressionXbzrleCache && !(*number as u64).is_power_of_two() {
                    return refuse(format!("{number} bytes is not a power of two"));
                }
                Ok(())
            }
            (kind, _) => refuse(format!("takes {}", describe(kind))),
        }
    }

    /// Whether it is a list with nothing in it.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(self, Self::Strings(items) if items.is_empty())
    }
}

impl fmt::Debug for Value {
    /// The bare value; a URI without its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(f, "{:?}", mask_uris(text)),
            Self::Strings(items) => f.debug_list().entries(items).finish(),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// What a value of this kind looks like, for messages.
pub(super) fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "a string",
        Kind::Uri => "a URI",
        Kind::Disks => "a list of disk targets",
        Kind::Methods => "a list of compression methods",
        Kind::Int(..) | Kind::UnsignedLong(..) => "an integer",
    }
}

fn check_text(param: Param, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::parameter(param.name(), "is empty"));
    }
    if text.contains('\0') {
        return Err(Error::parameter(param.name(), "has a NUL character"));
    }
    Ok(())
}

fn check_list(param: Param, items: &[String]) -> Result<()> {
    for (index, item) in items.iter().enumerate() {
        check_text(param, item).map_err(|_| {
            Error::parameter(param.name(), format!("item {index} ({item:?}) is empty or has a NUL character"))
        })?;
        if items[..index].contains(item) {
            return Err(Error::parameter(param.name(), format!("{item:?} is given twice")));
        }
    }
    Ok(())
}

fn check_range(param: Param, number: i128, min: i128, max: i128) -> Result<()> {
    if (min..=max).contains(&number) {
        return Ok(());
    }
    Err(Error::parameter(param.name(), format!("{number} is not between {min} and {max}")))
}
