//! The values that a retargeting is made of, each checked when it is made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A wrong value in an error: not if it is markup, in which passwords can be.
pub(super) fn shown(text: &str) -> String {
    if text.contains('<') { "markup".to_owned() } else { format!("{text:?}") }
}

/// Text and serde forms of a value that is a string in JSON: parsed by `FromStr`, written by `Display`.
macro_rules! as_string {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self)
            }
        }
    };
}

pub(super) use as_string;

/// A MAC address; equal in any case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress([u8; 6]);

impl FromStr for MacAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{} is no MAC address; write it like 52:54:00:12:34:56", shown(text));
        let (mut bytes, mut parts) = ([0; 6], text.split(':'));
        for byte in &mut bytes {
            *byte = hex(parts.next().ok_or_else(wrong)?, 2).ok_or_else(wrong)? as u8;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
as_string!(MacAddress);

/// A uuid; equal in any case, with or without its hyphens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uuid(u128);

impl FromStr for Uuid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut value, mut digits) = (0u128, 0);
        for byte in text.bytes().filter(|byte| *byte != b'-') {
            let digit = (byte as char).to_digit(16);
            value = value << 4 | u128::from(digit.unwrap_or(0));
            digits += if digit.is_some() { 1 } else { 33 };
        }
        if digits == 32 { Ok(Self(value)) } else { Err(format!("{} is no uuid", shown(text))) }
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = self.0;
        let (a, b, c) = (v >> 96, (v >> 80) & 0xffff, (v >> 64) & 0xffff);
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", (v >> 48) & 0xffff, v & 0xffff_ffff_ffff)
    }
}
as_string!(Uuid);

/// The address of a PCI device on its host: `0000:25:00.4`, hexadecimal in any case; the domain may be left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PciAddress {
    /// The PCI domain.
    pub domain: u32,
    /// The bus.
    pub bus: u8,
    /// The slot, below 32.
    pub slot: u8,
    /// The function, below 8.
    pub function: u8,
}

impl PciAddress {
    /// The address of these four numbers, unless one is out of PCI's range.
    pub fn new(domain: u32, bus: u32, slot: u32, function: u32) -> Option<Self> {
        let in_range = bus < 256 && slot < 32 && function < 8;
        in_range.then_some(Self { domain, bus: bus as u8, slot: slot as u8, function: function as u8 })
    }
}

impl FromStr for PciAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (rest, function) = text.rsplit_once('.')?;
            let (rest, slot) = rest.rsplit_once(':')?;
            let (domain, bus) = rest.rsplit_once(':').unwrap_or(("0", rest));
            Self::new(hex(domain, 8)?, hex(bus, 2)?, hex(slot, 2)?, hex(function, 1)?)
        };
        parse().ok_or_else(|| format!("{} is no PCI address; write it like 0000:25:00.4", shown(text)))
    }
}

fn hex(text: &str, digits: usize) -> Option<u32> {
    let fits = !text.is_empty() && text.len() <= digits;
    if !fits || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(text, 16).ok()
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.slot, self.function)
    }
}
as_string!(PciAddress);
