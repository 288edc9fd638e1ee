//! Disks that are to be copied: what is refused beforehand.

use std::sync::Arc;

use crate::fake::Fake;
use libvirt_migrate::domain_xml::{Disk, Pool, Volume, VolumePlace, disks};
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::params::{Definition, Param, Value};
use libvirt_migrate::policy::Convergence;
use libvirt_migrate::{Error, Guest, MigrateParams};

const DEVICES: &str = "
  <disk type='file' device='disk'><source file='/images/a'/><backingStore type='file'><source file='/images/base'/>
    <backingStore/></backingStore><target dev='vda'/></disk>
  <disk type='block' device='disk'><source dev='/dev/vg/b'/><backingStore/><target dev='vdb'/></disk>
  <disk type='volume' device='lun'><source pool='p' volume='c'/><target dev='vdc'/></disk>
  <disk type='file' device='disk'><source file='/images/d'/><target dev='vdd'/><shareable/></disk>
  <disk type='file' device='disk'><source file='/images/e'/><target dev='vde'/><readonly/></disk>
  <disk type='file' device='cdrom'><target dev='sda'/><readonly/></disk>
  <disk type='file' device='floppy'><source file='/images/f'/><target dev='fda'/></disk>
  <disk type='network'><source protocol='rbd' name='pool/g'/><target dev='vdg'/></disk>";

fn params(flags: F, disks: &[&str], definition: Option<Definition>) -> MigrateParams {
    let disks = disks.iter().map(|&disk| disk.to_owned()).collect();
    let values = [(Param::MigrateDisks, Value::Strings(disks))];
    let uri = "qemu+tcp://host2/system".to_owned();
    MigrateParams::new(definition, values, Some(uri), Some(F::DEFAULT | flags)).unwrap()
}

/// Starts a migration that ends at once, if it is not refused.
fn start(fake: Fake, params: &MigrateParams) -> (Arc<Fake>, Option<String>) {
    let fake = Arc::new(fake);
    fake.end(None);
    let started = Guest::new(fake.clone()).start_migration(params, &Convergence::default(), vec![]);
    let refusal = match started {
        Ok(migration) => {
            let _ = migration.result();
            None
        }
        Err(Error::InvalidParameter { name, reason }) => Some(format!("{name}: {reason}")),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(fake.calls("migrate").is_empty(), refusal.is_some());
    (fake, refusal)
}

fn with_devices() -> Fake {
    Fake::with_disks(DEVICES, None)
}

fn volume(backing: Option<&str>) -> Volume {
    Volume {
        name: "a".into(),
        kind: "file".into(),
        path: Some("/images/a".into()),
        capacity: 8 << 20,
        physical: None,
        format: Some("qcow2".into()),
        backing_file: backing.map(str::to_owned),
    }
}

#[test]
fn disks_are_read() {
    let found = disks(&format!("<domain><devices>{DEVICES}</devices></domain>")).unwrap();
    let places: Vec<_> = found.iter().map(|disk| disk.place.clone()).collect();
    let path = |path: &str| Some(VolumePlace::Path(path.into()));
    assert_eq!(places[..2], [path("/images/a"), path("/dev/vg/b")]);
    assert_eq!(places[2], Some(VolumePlace::InPool { pool: "p".into(), name: "c".into() }));
    assert_eq!(places[5..], [None, path("/images/f"), None]);
    let backing: Vec<_> = found.iter().map(|disk| disk.has_backing).collect();
    assert_eq!(backing[..3], [Some(true), Some(false), None]);
    let copied: Vec<_> = found
        .iter()
        .filter(|disk| disk.why_not_copied().is_none())
        .map(|disk| disk.target.as_str())
        .collect();
    assert_eq!(copied, ["vda", "vdb", "vdc", "vdg"]);
}

#[test]
fn disks_that_nobody_can_copy_are_refused_by_name() {
    for (target, reason) in [
        ("vdz", "the guest has no disk \"vdz\", only vda, vdb"),
        ("vdd", "vdd is shareable"),
        ("vde", "vde is read-only"),
        ("sda", "sda is a CD-ROM drive"),
        ("fda", "fda is a floppy drive"),
    ] {
        let (_, refusal) = start(with_devices(), &params(F::NON_SHARED_DISK, &["vda", target], None));
        let refusal = refusal.unwrap();
        assert!(refusal.starts_with("migrate_disks: ") && refusal.contains(reason), "{refusal}");
    }
    let none = Fake::with_disks("", None);
    let (_, refusal) = start(none, &params(F::NON_SHARED_DISK, &["vda"], None));
    assert_eq!(refusal.unwrap(), "migrate_disks: the guest has no disk \"vda\", nor any other");
    let (fake, refusal) =
        start(with_devices(), &params(F::NON_SHARED_DISK, &["vda", "vdb", "vdc", "vdg"], None));
    assert_eq!(refusal, None);
    // A whole copy depends on nothing that is there.
    assert!(fake.calls("destination_volumes").is_empty());
}

#[test]
fn an_incremental_copy_needs_a_backing_file_at_both_hosts() {
    let incremental = |disks: &[&str], volumes: Option<Vec<Option<Volume>>>| {
        let fake = Fake::with_disks(DEVICES, volumes);
        start(fake, &params(F::NON_SHARED_INC, disks, None))
    };
    let (fake, refusal) = incremental(&["vdb", "vda"], Some(vec![Some(volume(None)), Some(volume(None))]));
    let refusal = refusal.unwrap();
    assert!(
        refusal.contains("vda has a backing file, but /images/a at the destination has none"),
        "{refusal}"
    );
    assert!(refusal.contains("qemu-img create -f qcow2 -b BACKING -F FORMAT /images/a"), "{refusal}");
    assert_eq!(
        fake.calls("destination_volumes"),
        [r#"destination_volumes [Path("/images/a"), Path("/dev/vg/b")]"#]
    );
    for volumes in [Some(vec![Some(volume(Some("/images/base")))]), Some(vec![None]), None] {
        assert_eq!(incremental(&["vda"], volumes).1, None);
    }
    // The other way round the zeroes of the source would not be zeroes there.
    assert_eq!(incremental(&["vdb"], Some(vec![Some(volume(None))])).1, None);
    let (_, refusal) = incremental(&["vdb"], Some(vec![Some(volume(Some("/images/base")))]));
    assert!(refusal.unwrap().contains("vdb has no backing file, but /images/a at the destination has one"));
    // Of this one it is not known what the source has.
    let (fake, refusal) = incremental(&["vdc"], None);
    assert_eq!((fake.calls("destination_volumes").len(), refusal), (0, None));
}

#[test]
fn an_incremental_copy_is_checked_where_the_destinations_definition_has_it() {
    let moved = DEVICES.replace("/images/a", "/elsewhere/a");
    let xml = format!("<domain><name>vm</name><devices>{moved}</devices></domain>");
    let definition = Definition::new(xml, None).unwrap();
    let fake = Fake::with_disks(DEVICES, Some(vec![Some(volume(None))]));
    let (fake, refusal) = start(fake, &params(F::NON_SHARED_INC, &["vda"], Some(definition)));
    assert_eq!(fake.calls("destination_volumes"), [r#"destination_volumes [Path("/elsewhere/a")]"#]);
    assert!(refusal.is_some());
}

#[test]
fn what_is_no_volume_or_pool_is_an_error() {
    for text in ["<pool/>", "<volume><capacity>x</capacity></volume>", "<volume", ""] {
        assert!(Volume::parse(text).is_err(), "{text}");
    }
    for text in ["<volume/>", "<pool><available unit='MiB'>1</available></pool>", "<pool>"] {
        assert!(Pool::parse(text).is_err(), "{text}");
    }
    let pool =
        Pool::parse("<pool type='dir'><name>p</name><available unit='bytes'>5</available></pool>").unwrap();
    assert_eq!((pool.kind.as_str(), pool.path, pool.available), ("dir", None, 5));
    let escaped = "<volume><name>a&amp;b</name><target><path> /x </path></target><backingStore/></volume>";
    let volume = Volume::parse(escaped).unwrap();
    assert_eq!(
        (volume.name.as_str(), volume.path.as_deref(), volume.backing_file),
        ("a&b", Some("/x"), None)
    );
}

#[test]
fn a_disk_without_a_target_is_left_out() {
    let found = disks("<domain><devices><disk/><disk><target dev='vda'/></disk></devices></domain>").unwrap();
    let expected = Disk {
        target: "vda".into(),
        device: "disk".into(),
        place: None,
        read_only: false,
        shareable: false,
        has_backing: None,
    };
    assert_eq!(found, [expected]);
}
