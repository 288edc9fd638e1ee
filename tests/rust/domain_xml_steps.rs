//! Each step of a retargeting: what it changes, what it leaves, and what it refuses.

use crate::support::{FLAT, NOVA, ODD, apply, changes, fails, only};
use serde_json::{Value, json};

#[test]
fn listen_addresses_of_displays() {
    only(
        json!({"graphics": {"vnc": "198.51.100.7"}}),
        &[
            ("listen='192.0.2.10' passwd", "listen='198.51.100.7' passwd"),
            (
                "<listen type='address' address='192.0.2.10'/>",
                "<listen type='address' address='198.51.100.7'/>",
            ),
        ],
    );
    only(
        json!({"graphics": {"spice": "::1"}}),
        &[
            ("<listen type='network' address='192.0.2.10'", "<listen type='network' address='::1'"),
            ("<listen type='address'/>", "<listen type='address' address='::1'/>"),
        ],
    );
    only(json!({"graphics": {}}), &[]);
    let odd = apply(json!({"graphics": {"vnc": "a'\"<&>"}}), ODD);
    assert_eq!(odd.matches("192.0.2.1").count(), 0);
    assert_eq!(odd.matches("a&apos;&quot;&lt;&amp;&gt;").count(), 4);
    assert!(odd.contains("<graphics listen = \"a&apos;"), "the white space stays");
}

#[test]
fn addresses_and_ports_of_serial_ports() {
    let source = "host='192.0.2.10' service='10000'";
    only(json!({"serial": {"address": "::1", "ports": [20000]}}), &[(source, "host='::1' service='20000'")]);
    only(json!({"serial": {"address": "::1"}}), &[(source, "host='::1' service='10000'")]);
    only(json!({"serial": {"ports": [20000]}}), &[(source, "host='192.0.2.10' service='20000'")]);
    let second = NOVA.replace("mode='connect'", "mode='bind'");
    fails(
        json!({"serial": {"ports": [20000]}}),
        &second,
        "target port 1, but serial.ports has only 1",
        "<serial type='tcp'>\n      <source mode='bind' host='logs",
    );
    let nameless = NOVA.replace("<target type='serial' port='0'/>", "");
    fails(json!({"serial": {"ports": [1]}}), &nameless, "<console> has no <target", "<console type='tcp'>");
}

fn block(serial: &str) -> String {
    format!(
        "<disk type=\"block\" device=\"disk\"><driver name=\"qemu\" type=\"raw\" cache=\"none\"/>\
         <source dev=\"/dev/new\"/><target dev=\"vdq\" bus=\"scsi\"/><serial>{serial}</serial>\
         <boot order=\"9\"/><iotune><total_iops_sec>1</total_iops_sec></iotune></disk>"
    )
}

#[test]
fn disks_get_another_storage_and_stay_what_the_guest_sees() {
    let serial = "58a84f6d-3f0c-4e19-a0af-eb657b790657";
    let old = "<source dev='/dev/disk/by-path/ip-192.0.2.9:3260-iscsi-iqn.2010-10.org.example:vol-lun-1' index='2'/>";
    for key in [json!({"serial": serial}), json!({"alias": format!("ua-{serial}")}), json!({"target": "vdb"})]
    {
        only(
            json!({"disks": [{"match": key, "xml": block(serial)}]}),
            &[(" io='native'", ""), (old, "<source dev=\"/dev/new\"/>")],
        );
    }
    let out = apply(json!({"disks": [{"match": {"target": "vda"}, "xml": block("x")}]}), NOVA);
    assert_eq!(
        changes(NOVA, &out),
        [
            "/domain/devices/disk[vda]/@type: 'network' -> 'block'",
            "/domain/devices/disk[vda]/driver/@cache: 'writeback' -> 'none'",
            "/domain/devices/disk[vda]/driver/@discard: removed 'unmap'",
            "/domain/devices/disk[vda]/auth: removed '<auth username='nova'> <secret type='ceph' \
             uuid='0ce168c7-b25c-46ae-9e9c-4dfcecb23708'/> </auth>'",
            "/domain/devices/disk[vda]/source/@protocol: removed 'rbd'",
            "/domain/devices/disk[vda]/source/@name: removed 'vms/6c1f8c1e_disk'",
            "/domain/devices/disk[vda]/source/@index: removed '3'",
            "/domain/devices/disk[vda]/source/@dev: added '/dev/new'",
            "/domain/devices/disk[vda]/source/host: removed '<host name='192.0.2.1' port='6789'/>'",
            "/domain/devices/disk[vda]/source/host[2]: removed '<host name='192.0.2.2' port='6789'/>'",
            "/domain/devices/disk[vda]/source/snapshot: removed '<snapshot name='base'/>'",
        ]
    );
}

#[test]
fn disks_with_less_and_with_more() {
    // A tray that is emptied; the chain of the old image goes with it.
    let empty = "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='sda'/></disk>";
    let out = apply(json!({"disks": [{"match": {"target": "sda"}, "xml": empty}]}), NOVA);
    assert!(!out.contains("disk.config") && !out.contains("_base") && out.contains("<readonly/>"));
    // A definition of a disk without a source leaves where it is.
    let vague = "<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/></disk>";
    let out = apply(json!({"disks": [{"match": {"target": "vdb"}, "xml": vague}]}), NOVA);
    assert_eq!(changes(NOVA, &out), ["/domain/devices/disk[vdb]/driver/@io: removed 'native'"]);
    let more = "<disk type='block'><source dev='/n'/><auth username='u'/><encryption format='luks'/></disk>";
    let out = apply(json!({"disks": [{"match": {"target": "vdb"}, "xml": more}]}), NOVA);
    assert!(out.contains("      <source dev='/n'/>\n      <auth username='u'/>\n"));
    // Before the address, where there is one.
    assert!(out.contains("      <encryption format='luks'/>\n      <address"), "{out}");
    let out = apply(json!({"disks": [{"match": {"target": "vda"}, "xml": more}]}), FLAT);
    assert!(
        out.contains("<source dev='/n'/><auth username='u'/><encryption format='luks'/><target"),
        "{out}"
    );
}

#[test]
fn disks_that_are_not_clear_are_refused() {
    let entry = |key: Value, xml: &str| json!({"disks": [{"match": key, "xml": xml}]});
    let serial = "58a84f6d-3f0c-4e19-a0af-eb657b790657";
    fails(
        entry(json!({"serial": "none"}), &block("none")),
        NOVA,
        "no disk with serial \"none\"",
        "  <devices>\n    <emu",
    );
    // What looks like a disk in the metadata is none.
    fails(
        entry(json!({"serial": "in-the-metadata"}), &block("x")),
        NOVA,
        "no disk with",
        "  <devices>\n    <emu",
    );
    fails(entry(json!({"target": "vdb"}), &block("other")), NOVA, "serial differs", "<disk type='block'");
    let twice = NOVA.replace("<target dev='sda' bus='sata'/>", "<target dev='vdb' bus='sata'/>");
    fails(
        entry(json!({"target": "vdb"}), &block(serial)),
        &twice,
        "a second disk with target",
        "<disk type='file'",
    );
    let both = json!({"disks": [
        {"match": {"target": "vdb"}, "xml": block(serial)}, {"match": {"serial": serial}, "xml": block(serial)},
    ]});
    fails(both, NOVA, "names this disk twice", "<disk type='block'");
    let repeated =
        NOVA.replace("<backingStore/>\n      <target dev='vdb'", "<source/>\n      <target dev='vdb'");
    fails(entry(json!({"target": "vdb"}), &block(serial)), &repeated, "a second <source>", "<source/>");
}

#[test]
fn monitors_of_rbd_disks() {
    let hosts = "<host name='192.0.2.1' port='6789'/>\n        <host name='192.0.2.2' port='6789'/>\n";
    let three = "<host name='a' port='3300'/>\n        <host name='b'/>\n        <host name='c' port='1'/>\n";
    let monitors = json!([{"host": "a", "port": 3300}, {"host": "b"}, {"host": "c", "port": 1}]);
    only(json!({"rbd": {"monitors": monitors}}), &[(hosts, three)]);
    only(json!({"rbd": {"monitors": monitors, "disks": ["vda"]}}), &[(hosts, three)]);
    only(json!({"rbd": {"monitors": [{"host": "a"}]}}), &[(hosts, "<host name='a'/>\n")]);
    // Attached as a volume, by its serial or by its alias.
    let volume = NOVA.replace("<boot order='1'/>", "<serial>x</serial>");
    assert_eq!(apply(json!({"rbd": {"monitors": monitors}}), &volume), volume);
    let volume = NOVA.replace("'virtio-disk0'", "'ua-x'");
    assert_eq!(apply(json!({"rbd": {"monitors": monitors}}), &volume), volume);
    let named = json!({"rbd": {"monitors": [{"host": "a"}], "disks": ["vda"]}});
    assert!(apply(named, &volume).contains("<host name='a'/>"));
    let flat = apply(json!({"rbd": {"monitors": [{"host": "a"}]}}), FLAT);
    assert!(flat.contains("<source protocol='rbd' name='vms/flat'><host name='a'/></source>"), "{flat}");
    let none = json!({"rbd": {"monitors": [{"host": "a"}], "disks": ["vdz"]}});
    fails(none, NOVA, "\"vdz\", which no disk is", "  <devices>\n    <emu");
    let other = json!({"rbd": {"monitors": [{"host": "a"}], "disks": ["vdb"]}});
    fails(other, NOVA, "not one of RBD", "<disk type='block'");
    let both = json!({
        "rbd": {"monitors": [{"host": "a"}], "disks": ["vda"]},
        "disks": [{"match": {"target": "vda"}, "xml": "<disk><source protocol='rbd'/></disk>"}],
    });
    fails(both, NOVA, "names a disk that disks replaces", "<disk type='network'");
}

#[test]
fn monitors_of_the_images_that_a_disk_is_based_on_and_copied_to() {
    let rbd = |name: &str| format!("<source protocol='rbd' name='{name}'><host name='old'/></source>");
    let chain = format!(
        "<backingStore type='network'><format type='raw'/>{}<backingStore type='network'>{}<backingStore/>\
         </backingStore></backingStore><mirror type='network' job='copy'>{}</mirror>",
        rbd("base"),
        rbd("root"),
        rbd("copy")
    );
    let disk = |own: &str| {
        let other = "<source protocol='nbd' name='x'><host name='old' port='1'/></source>";
        format!(
            "<disk type='network'>{own}{chain}<target dev='vda'/></disk>\
                 <disk type='network'>{other}<target dev='vdb'/></disk>"
        )
    };
    let domain = |devices: &str| format!("<domain><devices>{devices}</devices></domain>");
    let monitors = json!([{"host": "new"}]);
    for own in [rbd("own"), "<source file='/overlay.qcow2'/>".to_owned()] {
        let xml = domain(&disk(&own));
        let wanted = xml.replace("<host name='old'/>", "<host name='new'/>");
        assert_eq!(apply(json!({"rbd": {"monitors": monitors}}), &xml), wanted);
        assert_eq!(apply(json!({"rbd": {"monitors": monitors, "disks": ["vda"]}}), &xml), wanted);
    }
    // A volume that was attached by itself has its own monitors, in all of its images.
    let volume =
        domain(&disk(&rbd("own"))).replace("<target dev='vda'/>", "<target dev='vda'/><serial>v</serial>");
    assert_eq!(apply(json!({"rbd": {"monitors": monitors}}), &volume), volume);
}

#[test]
fn perf_events() {
    let old = "<event name='cmt' enabled='yes'/>\n    <event name='mbmt' enabled='no'/>\n";
    only(json!({"perf_events": ["mbml"]}), &[(old, "<event name='mbml' enabled='yes'/>\n")]);
    only(json!({"perf_events": []}), &[(&format!("\n    {old}"), "\n")]);
    let kept = NOVA.replace("    <event name='mbmt' enabled='no'/>\n", "");
    assert_eq!(apply(json!({"perf_events": ["cmt"]}), &kept), kept);
    assert!(
        apply(json!({"perf_events": ["cmt"]}), FLAT)
            .contains("<perf><event name='cmt' enabled='yes'/></perf>")
    );
    let none = FLAT.replace("<perf/>", "");
    assert_eq!(apply(json!({"perf_events": []}), &none), none);
    assert!(
        apply(json!({"perf_events": ["cmt"]}), &none)
            .ends_with("<perf><event name='cmt' enabled='yes'/></perf></domain>")
    );
    fails(json!({"perf_events": []}), &NOVA.replace("<perf>", "<perf/><perf>"), "a second <perf>", "<perf>");
}
