//! The definition of one device, read once and put into many domains.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::XmlError;
use super::element::Element;
use super::index::Index;
use crate::{Error, Result};

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

    pub(super) fn expect_root(&self, field: &str, name: &str) -> Result<()> {
        let found = self.root().name();
        if found == name {
            return Ok(());
        }
        Err(Error::parameter(field, format!("takes a <{name}>, not a <{found}>")))
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
