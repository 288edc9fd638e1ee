//! A setting with three states: left alone (an `Option` around it), given a value, taken away.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{CpuSet, HostPath};

/// A setting that is given a value or taken away: in JSON the value, or `"remove"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting<T> {
    /// The new value.
    Set(T),
    /// No value: the hypervisor's default.
    Remove,
}

impl<T: Serialize> Serialize for Setting<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => value.serialize(serializer),
            Self::Remove => serializer.serialize_str("remove"),
        }
    }
}

/// What `cpu_shares` takes; the range is checked with the rest.
const SHARES: &str = "a number from 2 to 262144 or \"remove\"";

impl<'de> Deserialize<'de> for Setting<u64> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Setting<u64>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SHARES)
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Setting::Set(value))
            }
            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
                if value == "remove" {
                    return Ok(Setting::Remove);
                }
                Err(E::custom(format!("takes {SHARES}")))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The value that a text means, or its removal.
fn from_text<'de, D, T>(deserializer: D) -> Result<Setting<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: FromStr<Err = String>,
{
    let text = String::deserialize(deserializer)?;
    if text == "remove" {
        return Ok(Setting::Remove);
    }
    text.parse().map(Setting::Set).map_err(serde::de::Error::custom)
}

impl<'de> Deserialize<'de> for Setting<CpuSet> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for Setting<HostPath> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}
