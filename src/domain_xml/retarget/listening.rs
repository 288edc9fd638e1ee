//! Where a guest listens at the destination.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Listen addresses and ports by the type of display. What is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Graphics {
    /// The address of VNC displays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnc: Option<String>,
    /// The address of SPICE displays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spice: Option<String>,
    /// The address of RDP displays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rdp: Option<String>,
    /// The `port` of the VNC display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnc_port: Option<DisplayPort>,
    /// The `websocket` of the VNC display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnc_websocket: Option<DisplayPort>,
    /// The `port` of the SPICE display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spice_port: Option<DisplayPort>,
    /// The `tlsPort` of the SPICE display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spice_tls_port: Option<DisplayPort>,
    /// The `port` of the RDP display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rdp_port: Option<DisplayPort>,
}

/// Where serial ports and consoles listen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Serial {
    /// The address, where it changes; of those over TCP and over UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The TCP ports, indexed by the `port` of the device's `<target>`. An empty list leaves them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
}

/// Where the guest listens besides: character devices that are TCP or UDP servers, and interfaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listeners {
    /// The address, where it changes; of serial ports and consoles too, unless [`Serial::address`] says another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Ports: the source's and the destination's, all taken at once. Others stay.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::domain_xml::unique::map")]
    pub ports: Option<BTreeMap<u16, u16>>,
}

/// A port of a display: in JSON the number, or `"auto"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisplayPort {
    /// The host takes one that is free.
    Auto,
    /// This one.
    Number(u16),
}

impl Serialize for DisplayPort {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Number(port) => serializer.serialize_u16(*port),
        }
    }
}

impl<'de> Deserialize<'de> for DisplayPort {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const TAKES: &str = "a port from 1 to 65535 or \"auto\"";
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = DisplayPort;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(TAKES)
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
                match u16::try_from(value) {
                    Ok(port) if port > 0 => Ok(DisplayPort::Number(port)),
                    _ => Err(E::custom(format!("takes {TAKES}"))),
                }
            }
            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
                if value == "auto" { Ok(DisplayPort::Auto) } else { Err(E::custom(format!("takes {TAKES}"))) }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
