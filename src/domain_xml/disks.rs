//! A guest's disks, as far as copying them goes.

use super::XmlError;
use super::element::Element;
use super::identity::domain;
use super::index::Index;
use super::storage::VolumePlace;

/// A disk of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The `dev` of its `<target>`, such as vda.
    pub target: String,
    /// disk, lun, cdrom or floppy.
    pub device: String,
    /// Where its image is; `None` where it has none, or one that is no volume of a host (a network disk).
    pub place: Option<VolumePlace>,
    /// Nobody may write to it.
    pub read_only: bool,
    /// Other guests may have it as well.
    pub shareable: bool,
    /// Whether its image has a backing file. libvirt tells it in the definition of a guest that runs.
    pub has_backing: Option<bool>,
}

impl Disk {
    /// Why it cannot be copied to another host, if that is so.
    pub fn why_not_copied(&self) -> Option<&'static str> {
        match self.device.as_str() {
            "cdrom" => Some("is a CD-ROM drive"),
            "floppy" => Some("is a floppy drive"),
            _ if self.read_only => Some("is read-only"),
            _ if self.shareable => Some("is shareable: other guests may be writing to it"),
            _ => None,
        }
    }
}

/// The disks in a definition, in its order. Those without a target, which libvirt would refuse, are left out.
pub fn disks(text: &str) -> Result<Vec<Disk>, XmlError> {
    let index = Index::parse(text)?;
    let devices = domain(text, &index)?.all("devices");
    let disks = devices.flat_map(|devices| devices.all("disk"));
    Ok(disks.filter_map(disk).collect())
}

fn disk(disk: Element<'_>) -> Option<Disk> {
    let value = |element: Element<'_>, name: &str| element.attr(name).map(|attr| attr.value().into_owned());
    let source = disk.child("source");
    let of_source = |name: &str| source.and_then(|source| value(source, name));
    let path = of_source("file").or_else(|| of_source("dev")).filter(|path| !path.is_empty());
    let volume = of_source("pool").zip(of_source("volume"));
    let place =
        path.map(VolumePlace::Path).or_else(|| volume.map(|(pool, name)| VolumePlace::InPool { pool, name }));
    let backing = disk.child("backingStore");
    Some(Disk {
        target: value(disk.child("target")?, "dev")?,
        device: value(disk, "device").unwrap_or_else(|| "disk".to_owned()),
        place,
        read_only: disk.child("readonly").is_some(),
        shareable: disk.child("shareable").is_some(),
        has_backing: backing.map(|backing| backing.child("source").is_some()),
    })
}
