//! The two definitions of a guest, retargeted together: each gets what it has.

use crate::support::{FLAT, NOVA, changes, retarget};
use libvirt_migrate::Error;
use libvirt_migrate::domain_xml::Retarget;
use serde_json::{Value, json};

/// The disk and the interface of these tests, which were plugged in while the guest runs.
const DISK: &str =
    "<disk type='block' device='disk'><source dev='/dev/old'/><target dev='vdh' bus='virtio'/></disk>";
const MAC: &str = "52:54:00:00:00:aa";

/// The persistent definition, and the live one with that disk and that interface.
fn guest() -> (String, String) {
    let interface =
        format!("<interface type='bridge'><mac address='{MAC}'/><source bridge='br0'/></interface>");
    let live = NOVA.replace("  </devices>\n</domain>", &format!("  {DISK}{interface}</devices>\n</domain>"));
    assert!(live.contains(DISK));
    (live, NOVA.to_owned())
}

fn pair(fields: Value, live: &str, kept: &str) -> (Vec<String>, Vec<String>) {
    let (out, out_kept) = retarget(fields).apply_pair(live, kept).unwrap();
    (changes(live, &out), changes(kept, &out_kept))
}

fn refused(fields: Value, live: &str, kept: &str) -> String {
    match retarget(fields).apply_pair(live, kept).unwrap_err() {
        error @ Error::InvalidDomainXml { .. } => error.to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn what_was_plugged_in_changes_where_it_is_and_is_not_missed_where_it_is_not() {
    let (live, kept) = guest();
    let new = "<disk type='block'><source dev='/dev/new'/></disk>";
    let wanted = json!({
        "disks": [{"match": {"target": "vdh"}, "xml": new}, {"match": {"target": "vdb"}, "xml": new}],
        "interfaces": [{"mac": "fa:16:3e:00:00:0a"}, {"mac": MAC, "xml": "<interface type='user'/>"}],
    });
    let (in_live, in_kept) = pair(wanted.clone(), &live, &kept);
    assert!(in_live.contains(&"/domain/devices/disk[vdh]/source/@dev: '/dev/old' -> '/dev/new'".to_owned()));
    assert!(
        in_live.iter().any(|change| change.contains(&format!("interface[{MAC}]/@type: 'bridge' -> 'user'")))
    );
    assert_eq!(in_kept.len(), 2, "{in_kept:?}");
    assert!(
        in_kept.iter().all(|change| change.starts_with("/domain/devices/disk[vdb]/source/")),
        "{in_kept:?}"
    );
    // One that was taken out while the guest runs is in the persistent definition only.
    assert_eq!(pair(wanted, &kept, &live), (in_kept, in_live));
}

#[test]
fn each_kind_of_device_may_be_in_one_of_them() {
    let kept = NOVA;
    let hostdev = "<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x77' slot='0x00' \
                   function='0x0'/></source></hostdev>";
    let rbd = "<disk type='network'><source protocol='rbd' name='p/v'/><target dev='vdr'/><serial>v</serial></disk>";
    let live = NOVA.replace("  </devices>\n</domain>", &format!("{hostdev}{rbd}</devices>\n</domain>"));
    let wanted = json!({
        "pci": {"77:00.0": "78:00.0", "25:00.4": "26:00.4"},
        "rbd": {"monitors": [{"host": "m"}], "disks": ["vdr"]},
    });
    let (in_live, in_kept) = pair(wanted, &live, kept);
    assert!(in_live.iter().any(|change| change.contains("'0x77' -> '0x78'")), "{in_live:?}");
    assert!(in_live.iter().any(|change| change.contains("disk[vdr]/source/host: added")), "{in_live:?}");
    assert_eq!(in_kept, ["/domain/devices/hostdev[hostdev0]/source/address/@bus: '0x25' -> '0x26'"]);
}

#[test]
fn what_is_in_neither_is_an_error() {
    let (live, kept) = guest();
    let disk = json!({"disks": [{"match": {"target": "vdz"}, "xml": "<disk/>"}]});
    let error = refused(disk, &live, &kept);
    assert!(error.starts_with("xml: the guest has no disk with target \"vdz\" (line "), "{error}");
    assert!(refused(json!({"pci": {"99:00.0": "98:00.0"}}), &live, &kept).contains("0000:99:00.0"));
    let monitors = json!({"rbd": {"monitors": [{"host": "m"}], "disks": ["vdz"]}});
    assert!(refused(monitors.clone(), &live, &kept).contains("vdz"));
    assert!(refused(monitors, &kept, &kept).contains("vdz"), "the same text twice");
}

#[test]
fn what_stands_against_it_is_an_error_in_either() {
    let (live, kept) = guest();
    // An interface that nobody named, in the live one only.
    let error = refused(json!({"interfaces": [{"mac": "fa:16:3e:00:00:0a"}]}), &live, &kept);
    assert!(error.starts_with("xml: interfaces does not name") && error.contains(MAC), "{error}");
    let error = refused(json!({"interfaces": [{"mac": "fa:16:3e:00:00:0a"}]}), &kept, &live);
    assert!(error.starts_with("persistent_xml: interfaces does not name"), "{error}");
    let error = Retarget::default().apply_pair(FLAT, "<domain>").unwrap_err().to_string();
    assert!(error.starts_with("persistent_xml: "), "{error}");
    assert!(Retarget::default().apply_pair("<domain>", FLAT).unwrap_err().to_string().starts_with("xml: "));
}

#[test]
fn no_edit_gives_the_same_bytes_of_both() {
    let (live, kept) = guest();
    assert_eq!(Retarget::default().apply_pair(&live, &kept).unwrap(), (live, kept));
}

#[test]
fn persistent_memory_is_told_apart_by_its_path_where_one_of_them_has_less() {
    let second =
        NOVA[NOVA.find("    <memory model='nvdimm'").unwrap()..].replace("/dev/dax0.1", "/dev/dax0.2");
    let second = &second[..second.find("  </devices>").unwrap()];
    let live = NOVA.replace("    <memory model='nvdimm'", &format!("{second}    <memory model='nvdimm'"));
    let paths = |xml: &str| -> Vec<String> {
        xml.split("<path>").skip(1).map(|part| part[..part.find('<').unwrap()].to_owned()).collect()
    };
    assert_eq!(paths(&live), ["/dev/dax0.2", "/dev/dax0.1"]);
    let wanted = retarget(json!({"vpmem": ["/dev/new2", "/dev/new1"]}));
    let (out, kept) = wanted.apply_pair(&live, NOVA).unwrap();
    assert_eq!(
        (paths(&out), paths(&kept)),
        (vec!["/dev/new2".into(), "/dev/new1".into()], vec!["/dev/new1".into()])
    );
    let (out, kept) = wanted.apply_pair(NOVA, &live).unwrap();
    assert_eq!(
        (paths(&out), paths(&kept)),
        (vec!["/dev/new1".into()], vec!["/dev/new2".into(), "/dev/new1".into()])
    );
    // As many, in another order.
    let turned = live.replace("dax0.1", "dax").replace("dax0.2", "dax0.1").replace("/dax<", "/dax0.2<");
    assert_eq!(paths(&wanted.apply_pair(&live, &turned).unwrap().1), ["/dev/new1", "/dev/new2"]);
    // As many, but others: in order.
    let other = live.replace("dax0.", "pmem");
    assert_eq!(paths(&wanted.apply_pair(&live, &other).unwrap().1), ["/dev/new2", "/dev/new1"]);
    let unknown = NOVA.replace("dax0.1", "dax7.7");
    assert!(
        wanted
            .apply_pair(&live, &unknown)
            .unwrap_err()
            .to_string()
            .starts_with("persistent_xml: vpmem has 2")
    );
    assert!(refused(json!({"vpmem": ["/a"]}), &live, &live.replace("dax", "x")).contains("no path in vpmem"));
}
