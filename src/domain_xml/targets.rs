//! The names of a guest's disks.

use super::XmlError;
use super::identity::domain;
use super::index::Index;

/// The `dev` of each disk's `<target>`, in the document's order.
pub fn disk_targets(text: &str) -> Result<Vec<String>, XmlError> {
    let index = Index::parse(text)?;
    let devices = domain(text, &index)?.all("devices");
    let disks = devices.flat_map(|devices| devices.all("disk"));
    let targets = disks.filter_map(|disk| disk.child("target")?.attr("dev"));
    Ok(targets.map(|dev| dev.value().into_owned()).collect())
}
