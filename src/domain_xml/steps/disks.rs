//! Disks whose storage is reached differently at the destination.
//!
//! Taken from the destination: the type, and what `taken` names. All else is the guest's own.

use std::borrow::Cow;
use std::collections::HashMap;

use super::driver;
use super::{Devices, Missing, same};
use crate::domain_xml::XmlError;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::layout::before;
use crate::domain_xml::retarget::{Disk, DiskKey};

/// What says where a disk's content is and how it is reached: driver, auth, source, encryption and backing store.
type Taken<'a> = [Option<Element<'a>>; 5];

/// These children of a `<disk>`; a second one of a kind is an error.
pub(in crate::domain_xml) fn taken(disk: Element<'_>) -> Result<Taken<'_>, XmlError> {
    let mut found = [None; 5];
    for child in disk.children() {
        let index = match child.name() {
            "driver" => 0,
            "auth" => 1,
            "source" => 2,
            "encryption" => 3,
            "backingStore" => 4,
            _ => continue,
        };
        if found[index].replace(child).is_some() {
            return Err(child.error(format!("a second <{}> in <disk>", child.name())));
        }
    }
    Ok(found)
}

/// Returns the places of the disks that are replaced, in order.
pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    disks: &'a [Disk],
    editor: &mut Editor<'a>,
    missing: &mut Missing,
) -> Result<Vec<u32>, XmlError> {
    let mut replaced = Vec::with_capacity(disks.len());
    if disks.is_empty() {
        return Ok(replaced);
    }
    let mut wanted = Wanted::new(disks);
    for disk in devices.disks.iter().copied() {
        if let Some(index) = wanted.find(disk)? {
            replaced.push(disk.id());
            replace(disk, disks[index].xml.root(), editor)?;
        }
    }
    for (disk, _) in disks.iter().zip(wanted.found).filter(|(_, found)| !found) {
        missing.add(devices.place(), format!("the guest has no disk with {}", disk.key))?;
    }
    Ok(replaced)
}

/// The disks that are asked for, by what names them.
struct Wanted<'a> {
    serials: HashMap<&'a str, usize>,
    aliases: HashMap<&'a str, usize>,
    targets: HashMap<&'a str, usize>,
    disks: &'a [Disk],
    found: Vec<bool>,
}

impl<'a> Wanted<'a> {
    fn new(disks: &'a [Disk]) -> Self {
        let (mut serials, mut aliases, mut targets) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (index, disk) in disks.iter().enumerate() {
            match &disk.key {
                DiskKey::Serial(serial) => serials.insert(serial.as_str(), index),
                DiskKey::Alias(alias) => aliases.insert(alias.as_str(), index),
                DiskKey::Target(target) => targets.insert(target.as_str(), index),
            };
        }
        Self { serials, aliases, targets, disks, found: vec![false; disks.len()] }
    }

    /// The entry that names this disk of the guest.
    fn find(&mut self, disk: Element<'a>) -> Result<Option<usize>, XmlError> {
        let attribute = |child: &str, name: &str| disk.child(child).and_then(|child| child.attr(name));
        // A map that nothing is in asks nothing of the disk.
        let look_up = |map: &HashMap<&str, usize>, key: &dyn Fn() -> Option<Cow<'a, str>>| {
            if map.is_empty() { None } else { key().and_then(|key| map.get(&*key).copied()) }
        };
        let by_serial = look_up(&self.serials, &|| disk.child("serial").map(|serial| serial.own_text()));
        let by_alias = look_up(&self.aliases, &|| attribute("alias", "name").map(|name| name.value()));
        let by_target = look_up(&self.targets, &|| attribute("target", "dev").map(|dev| dev.value()));
        let mut indexes = [by_serial, by_alias, by_target].into_iter().flatten();
        let Some(index) = indexes.next() else { return Ok(None) };
        if let Some(other) = indexes.next() {
            let (one, other) = (&self.disks[index].key, &self.disks[other].key);
            return Err(disk.error(format!("disks names this disk twice, as {one} and as {other}")));
        }
        if std::mem::replace(&mut self.found[index], true) {
            return Err(disk.error(format!("a second disk with {}", self.disks[index].key)));
        }
        Ok(Some(index))
    }
}

fn replace<'a>(disk: Element<'a>, wanted: Element<'a>, editor: &mut Editor<'a>) -> Result<(), XmlError> {
    if let (Some(ours), Some(theirs)) = (disk.only("serial")?, wanted.child("serial"))
        && ours.own_text() != theirs.own_text()
    {
        return Err(disk.error("the disk's serial differs from that of its definition in disks"));
    }
    let (ours, theirs) = (taken(disk)?, taken(wanted)?);
    let removable = disk.is("device", "cdrom") || disk.is("device", "floppy");
    // A disk without a source is none, so such a definition says nothing about where the content is.
    let source_given = removable || wanted.child("source").is_some();
    if let (true, Some(kind)) = (source_given, wanted.attr("type")) {
        editor.set_attr(disk, "type", kind.value());
    }
    let mut missing = Vec::new();
    for (ours, theirs) in ours.into_iter().zip(theirs) {
        match (ours, theirs) {
            (Some(ours), Some(theirs)) if ours.named("driver") => driver::merge(ours, theirs, editor),
            (Some(ours), Some(theirs)) if !same(ours, theirs) => {
                editor.replace(ours.range(), theirs.source());
            }
            (None, Some(theirs)) if theirs.named("encryption") && insert_late(disk, theirs, editor) => {}
            (None, Some(theirs)) => missing.push(theirs.source()),
            (Some(ours), None) if source_given && !is_kept(ours) => editor.remove(ours),
            _ => {}
        }
    }
    insert(disk, &missing, editor);
    Ok(())
}

/// An empty `<backingStore/>` says that the image stands alone, which a new source does not change. A chain is of
/// the old source; libvirt finds the new one's itself.
fn is_kept(element: Element<'_>) -> bool {
    element.name() == "driver" || (element.name() == "backingStore" && element.children().next().is_none())
}

/// Puts an encryption where libvirt and Nova have it, late, if the disk has an address to put it before.
fn insert_late<'a>(disk: Element<'a>, encryption: Element<'a>, editor: &mut Editor<'a>) -> bool {
    let Some(address) = disk.child("address") else { return false };
    let (text, at) = (disk.document(), address.range().start);
    editor.replace(at..at, encryption.source().to_owned() + &text[before(text, at)]);
    true
}

/// Puts new elements behind the source, or before all others where there is none.
fn insert<'a>(disk: Element<'a>, missing: &[&str], editor: &mut Editor<'a>) {
    if missing.is_empty() {
        return;
    }
    let text = disk.document();
    let anchor = disk.child("source").or_else(|| disk.child("driver"));
    let neighbour = anchor.or_else(|| disk.children().next());
    let space = neighbour.map_or("", |element| &text[before(text, element.range().start)]);
    let at = anchor.map_or(disk.content().start, |element| element.range().end);
    editor.replace(at..at, missing.iter().fold(String::new(), |all, xml| all + space + xml));
}

impl std::fmt::Display for DiskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, name) = match self {
            Self::Serial(name) => ("serial", name),
            Self::Alias(name) => ("alias", name),
            Self::Target(name) => ("target", name),
        };
        write!(f, "{what} {name:?}")
    }
}
