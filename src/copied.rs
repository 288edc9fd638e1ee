//! The disks that a migration copies, checked before anything is sent.

use crate::domain::{DomainOps, XmlFlags};
use crate::domain_xml::{Disk, disks};
use crate::flags::MigrateFlags;
use crate::params::{MigrateParams, Param, Value};
use crate::{Error, Result};

/// Refuses disks that the guest does not have, those that nobody can copy, and incremental copies that would lose
/// what the source's backing files have.
pub(crate) fn check_disks(domain: &dyn DomainOps, params: &MigrateParams) -> Result<()> {
    let lists = [Param::MigrateDisks, Param::MigrateDisksDetectZeroes, Param::MigrateDisksTargetZero];
    let named = lists.map(|param| (param, named_in(params, param)));
    if named.iter().all(|(_, targets)| targets.is_empty()) {
        return Ok(());
    }
    let xml = match domain.xml(XmlFlags::empty()) {
        // An object that cannot tell: libvirt checks the names as well.
        Err(Error::Foreign { code: None, .. }) => return Ok(()),
        answer => answer?,
    };
    let Ok(found) = disks(&xml) else {
        // Not a definition: a mock. libvirt checks the names as well.
        return Ok(());
    };
    for (param, targets) in named {
        for target in targets {
            check_disk(param, target, &found)?;
        }
    }
    check_incremental(domain, params, &found)
}

fn named_in(params: &MigrateParams, param: Param) -> &[String] {
    match params.get(param) {
        Some(Value::Strings(targets)) => targets,
        _ => &[],
    }
}

fn check_disk(param: Param, target: &str, found: &[Disk]) -> Result<()> {
    let Some(disk) = found.iter().find(|disk| disk.target == target) else {
        let targets: Vec<_> = found.iter().map(|disk| disk.target.as_str()).collect();
        let only = if targets.is_empty() {
            "nor any other".to_owned()
        } else {
            format!("only {}", targets.join(", "))
        };
        return Err(Error::parameter(param.name(), format!("the guest has no disk {target:?}, {only}")));
    };
    match disk.why_not_copied() {
        Some(reason) => Err(Error::parameter(param.name(), format!("{target} {reason}, and is not copied"))),
        None => Ok(()),
    }
}

/// An incremental copy takes what the disk's own image has, and leaves what is in backing files: the image at the
/// destination must have one where the source's has. Where that is not known nothing is refused.
fn check_incremental(domain: &dyn DomainOps, params: &MigrateParams, found: &[Disk]) -> Result<()> {
    let Some(uri) = params.destination().filter(|_| params.flags().contains(MigrateFlags::NON_SHARED_INC))
    else {
        return Ok(());
    };
    let there = params.definition().and_then(|both| disks(both.destination()).ok()).unwrap_or_default();
    let named = named_in(params, Param::MigrateDisks);
    let (mut copied, mut places) = (Vec::new(), Vec::new());
    for disk in found.iter().filter(|disk| named.contains(&disk.target)) {
        let moved = there.iter().find(|other| other.target == disk.target).unwrap_or(disk);
        if let (Some(has_backing), Some(place)) = (disk.has_backing, moved.place.clone()) {
            copied.push((&disk.target, has_backing));
            places.push(place);
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    for ((target, has_backing), volume) in copied.into_iter().zip(domain.destination_volumes(uri, places)) {
        let Some(volume) = volume.filter(|volume| volume.backing_file.is_some() != has_backing) else {
            continue;
        };
        let path = volume.path.unwrap_or(volume.name);
        let reason = if has_backing {
            format!(
                "{target} has a backing file, but {path} at the destination has none: an incremental copy would lose \
                 what is in it. Copy the whole disk (NON_SHARED_DISK), or make the image there upon the same backing \
                 file: qemu-img create -f qcow2 -b BACKING -F FORMAT {path}"
            )
        } else {
            format!(
                "{target} has no backing file, but {path} at the destination has one, which would show through an \
                 incremental copy. Copy the whole disk (NON_SHARED_DISK)"
            )
        };
        return Err(Error::parameter(Param::MigrateDisks.name(), reason));
    }
    Ok(())
}
