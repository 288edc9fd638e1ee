//! The definition of one device, read once and put into many domains.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::element::Element;
use super::index::Index;
use super::{MacAddress, XmlError};

/// A device as libvirt XML, such as `<disk …>…</disk>`: sound, and indexed when it is made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceXml {
    text: String,
    index: Index,
}

impl DeviceXml {
    /// Reads a device's definition.
    pub fn new(text: impl Into<String>) -> Result<Self, XmlError> {
        let text = text.into();
        let index = Index::parse(&text)?;
        Ok(Self { text, index })
    }

    /// The XML.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn root(&self) -> Element<'_> {
        Element::root(&self.text, &self.index)
    }

    /// Refuses another element than `name`.
    pub(super) fn check_root(&self, name: &str) -> Result<(), String> {
        let found = self.root().name();
        if found == name { Ok(()) } else { Err(format!("takes a <{name}>, not a <{found}>")) }
    }

    /// Refuses a second MAC address, or another than `mac`, which the guest would see.
    pub(super) fn check_mac(&self, mac: MacAddress) -> Result<(), String> {
        let found = self.root().only("mac").map_err(|error| error.to_string())?;
        let address = found.and_then(|mac| mac.attr("address"));
        match address.map(|address| address.value().parse::<MacAddress>()).transpose()? {
            Some(found) if found != mac => Err(format!("has MAC address {found}, not {mac}")),
            _ => Ok(()),
        }
    }
}

impl TryFrom<String> for DeviceXml {
    type Error = XmlError;

    fn try_from(text: String) -> Result<Self, XmlError> {
        Self::new(text)
    }
}

impl From<DeviceXml> for String {
    fn from(device: DeviceXml) -> Self {
        device.text
    }
}

impl PartialEq for DeviceXml {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for DeviceXml {
    /// Without the XML, which can hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.text.len())
    }
}
