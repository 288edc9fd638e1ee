//! Storage volumes and pools, which libvirt tells of in XML as well.

use super::XmlError;
use super::element::Element;
use super::index::Index;

/// Where a volume is, in a guest's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumePlace {
    /// A file or a block device.
    Path(String),
    /// A volume of a pool of this name.
    InPool {
        /// The pool.
        pool: String,
        /// The volume.
        name: String,
    },
}

/// A volume of a storage pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name in the pool.
    pub name: String,
    /// file, block, network, …
    pub kind: String,
    /// Where it is; the name of a network volume.
    pub path: Option<String>,
    /// What a guest sees of it, bytes.
    pub capacity: u64,
    /// The length of the file or device, bytes. It is what a guest sees of an image that is taken for raw.
    pub physical: Option<u64>,
    /// raw, qcow2, …, as libvirt has found out.
    pub format: Option<String>,
    /// The file that holds what the image itself does not.
    pub backing_file: Option<String>,
}

/// A storage pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// dir, netfs, logical, …
    pub kind: String,
    /// The folder of its volumes, if they have one.
    pub path: Option<String>,
    /// What is free, bytes, as it was when the pool was looked at last.
    pub available: u64,
}

impl Volume {
    /// Reads what `virStorageVolGetXMLDesc` tells.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let index = Index::parse(text)?;
        let volume = root(text, &index, "volume")?;
        let target = volume.child("target");
        let format = target.and_then(|target| target.child("format")?.attr("type"));
        Ok(Self {
            name: text_of(volume, "name").unwrap_or_default(),
            kind: attribute(volume, "type").unwrap_or_else(|| "file".to_owned()),
            path: target.and_then(|target| text_of(target, "path")),
            capacity: bytes(volume, "capacity")?.unwrap_or(0),
            physical: bytes(volume, "physical")?,
            format: format.map(|format| format.value().into_owned()),
            backing_file: volume.child("backingStore").and_then(|backing| text_of(backing, "path")),
        })
    }
}

impl Pool {
    /// Reads what `virStoragePoolGetXMLDesc` tells.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let index = Index::parse(text)?;
        let pool = root(text, &index, "pool")?;
        Ok(Self {
            name: text_of(pool, "name").unwrap_or_default(),
            kind: attribute(pool, "type").unwrap_or_default(),
            path: pool.child("target").and_then(|target| text_of(target, "path")),
            available: bytes(pool, "available")?.unwrap_or(0),
        })
    }
}

fn root<'a>(text: &'a str, index: &'a Index, name: &str) -> Result<Element<'a>, XmlError> {
    let root = Element::root(text, index);
    if root.named(name) {
        Ok(root)
    } else {
        Err(root.error(format!("the root element is <{}>, not <{name}>", root.name())))
    }
}

fn attribute(element: Element<'_>, name: &str) -> Option<String> {
    element.attr(name).map(|attribute| attribute.value().into_owned())
}

fn text_of(element: Element<'_>, name: &str) -> Option<String> {
    let text = element.child(name)?.own_text();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A size, which libvirt writes in bytes.
fn bytes(element: Element<'_>, name: &str) -> Result<Option<u64>, XmlError> {
    let Some(size) = element.child(name) else { return Ok(None) };
    let unit = size.attr("unit").map_or_else(|| "bytes".into(), |unit| unit.value());
    match size.own_text().trim().parse() {
        Ok(number) if ["bytes", "B"].contains(&&*unit) => Ok(Some(number)),
        _ => Err(size.error(format!("<{name}> is no number of bytes"))),
    }
}
