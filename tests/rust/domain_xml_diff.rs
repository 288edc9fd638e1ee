//! Differences for people, secrets that stay out of sight, and the JSON form of a retargeting.

use crate::support::{NOVA, changes, retarget};
use libvirt_migrate::Error;
use libvirt_migrate::domain_xml::{Retarget, XmlChange, diff_xml};
use serde_json::{Value, json};

const SECRET: &str = "hunter2";

fn domain(inside: &str) -> String {
    format!("<domain>{inside}</domain>")
}

#[test]
fn changed_added_and_removed() {
    let before = domain("<name>a</name><vcpu cpuset='0'>1</vcpu><on_crash>destroy</on_crash>");
    let after = domain("<name>b</name><vcpu current='1'>1</vcpu><perf>\n <event name='cmt'/></perf>");
    assert_eq!(
        changes(&before, &after),
        [
            "/domain/name: 'a' -> 'b'",
            "/domain/vcpu/@cpuset: removed '0'",
            "/domain/vcpu/@current: added '1'",
            "/domain/on_crash: removed '<on_crash>destroy</on_crash>'",
            "/domain/perf: added '<perf> <event name='cmt'/></perf>'",
        ]
    );
    let change = &diff_xml(&before, &after).unwrap()[1];
    let wanted = XmlChange { path: "/domain/vcpu/@cpuset".into(), before: Some("0".into()), after: None };
    assert_eq!(*change, wanted);
    let other = diff_xml("<domain/>", "<network/>").unwrap();
    assert_eq!(other.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["/domain", "/network"]);
}

#[test]
fn what_means_the_same_is_no_difference() {
    let one = domain("<a x='1' y='&lt;'>t&amp;</a><b/>");
    let other = domain("\r\n<!-- c --><a  y=\"&#60;\"\n x=\"1\"> <![CDATA[t&]]> </a>\n<b></b>");
    assert_eq!(changes(&one, &other), [] as [&str; 0]);
}

#[test]
fn devices_are_found_by_name_wherever_they_stand() {
    let disk = |target: &str, source: &str| {
        format!("<disk><source file='{source}'/><target dev='{target}'/></disk>")
    };
    let devices = |disks: [String; 2]| domain(&format!("<devices>{}</devices>", disks.concat()));
    let before = devices([disk("vda", "/a"), disk("vdb", "/b")]);
    let after = devices([disk("vdb", "/c"), disk("vda", "/a")]);
    assert_eq!(changes(&before, &after), ["/domain/devices/disk[vdb]/source/@file: '/b' -> '/c'"]);
    let hosts = |hosts: &str| domain(hosts);
    assert_eq!(
        changes(&hosts("<host name='a'/><host name='b'/>"), &hosts("<host name='a'/><host name='c'/>")),
        ["/domain/host[2]/@name: 'b' -> 'c'"]
    );
}

#[test]
fn secrets_are_masked_wherever_they_are() {
    let places = [
        "<graphics passwd='hunter2'/>",
        "<disk><source><cookies><cookie name='a'>hunter2</cookie></cookies></source></disk>",
        "<x><password>hunter2</password></x>",
        "<secret>hunter2</secret>",
        "<entry name='admin_password'>hunter2</entry>",
        "<env name='API_TOKEN' value='hunter2'/>",
        "<arg value='secret,id=a,data=hunter2'/>",
        "<source name='https://user:hunter2@example.org/image'/>",
        "<source>rbd:pool/image:password=hunter2</source>",
        "<a passphrase='hunter2'><b><c Secret='hunter2'/></b></a>",
        "<a>-----BEGIN PRIVATE KEY----- hunter2</a>",
    ];
    for place in places {
        let full = domain(place);
        let texts =
            [(full.clone(), full.replace(SECRET, "hunter3")), (domain(""), full.clone()), (full, domain(""))];
        for (before, after) in texts {
            let found = changes(&before, &after);
            assert!(!found.is_empty(), "{place}");
            assert!(found.iter().all(|line| line.contains("***") && !line.contains("hunter")), "{found:?}");
        }
    }
    // What only names a secret is no secret.
    let named =
        |uuid: &str| domain(&format!("<auth username='u'><secret type='ceph' uuid='{uuid}'/></auth>"));
    assert_eq!(changes(&named("1"), &named("2")), ["/domain/auth/secret/@uuid: '1' -> '2'"]);
}

#[test]
fn control_characters_do_not_reach_a_terminal() {
    let line = changes(&domain("<a>x</a>"), &domain("<a>&#10;y&#x9b;31m&#x202e;</a>")).concat();
    assert_eq!(line, "/domain/a: 'x' -> 'y\\u{9b}31m\\u{202e}'");
}

#[test]
fn a_retargeting_survives_json_and_hides_its_devices() {
    let fields: Value = serde_json::from_str(include_str!("support/every-step.json")).unwrap();
    let one = retarget(fields);
    let again = Retarget::from_json(&one.to_json()).unwrap();
    assert_eq!(one, again);
    assert_eq!(one.apply(NOVA).unwrap(), again.apply(NOVA).unwrap());
    let device = "<disk><source><cookies><cookie>hunter2</cookie></cookies></source></disk>";
    let one = retarget(json!({"disks": [{"match": {"target": "vda"}, "xml": device}]}));
    let shown = format!("{one} {one:?} {:?}", one.disks);
    assert!(!shown.contains(SECRET) && shown.contains("vda") && shown.contains("bytes>"), "{shown}");
    assert!(one.to_json().contains(SECRET));
}

/// A field with a wrong value, and what the error is about.
const WRONG: [(&str, &str, &str); 53] = [
    ("[]", "retarget", "takes"),
    ("{", "retarget", "EOF"),
    ("{} {}", "retarget", "trailing"),
    (r#"{"grafics": {}}"#, "grafics", "unknown field"),
    (r#"{"graphics": {"vnx": "a"}}"#, "graphics.vnx", "unknown field"),
    (r#"{"graphics": {"vnc": ""}}"#, "graphics.vnc", "empty"),
    (r#"{"graphics": {"vnc": "a\u0007"}}"#, "graphics.vnc", "control"),
    (r#"{"graphics": {"vnc": "a"}, "graphics": {}}"#, "retarget", "duplicate"),
    (r#"{"serial": {"ports": [0]}}"#, "serial.ports", "port 0"),
    (r#"{"serial": {"ports": [1, 1]}}"#, "serial.ports", "1 twice"),
    (r#"{"serial": {"ports": [65536]}}"#, "serial.ports[0]", "takes"),
    (r#"{"disks": [{"xml": "<disk/>"}]}"#, "disks[0]", "match"),
    (r#"{"disks": [{"match": {"dev": "a"}, "xml": "<disk/>"}]}"#, "disks[0].match", "serial"),
    (r#"{"disks": [{"match": {"target": "a"}, "xml": "<disk>"}]}"#, "disks[0].xml", "line 1, column 7"),
    (r#"{"disks": [{"match": {"target": "a"}, "xml": "<interface/>"}]}"#, "disks[0].xml", "takes a <disk>"),
    (
        r#"{"disks": [{"match": {"target": "a"}, "xml": "<disk><source/><source/></disk>"}]}"#,
        "disks[0].xml",
        "second",
    ),
    (
        r#"{"disks": [{"match": {"target": "a"}, "xml": "<disk/>"}, {"match": {"target": "a"}, "xml": "<disk/>"}]}"#,
        "disks",
        "twice",
    ),
    (r#"{"rbd": {"monitors": []}}"#, "rbd.monitors", "empty"),
    (r#"{"interfaces": [{"mac": "fa:16"}]}"#, "interfaces[0].mac", "MAC"),
    (
        r#"{"interfaces": [{"mac": "fa:16:3e:00:00:0a"}, {"mac": "FA:16:3e:00:00:0a"}]}"#,
        "interfaces",
        "twice",
    ),
    (
        r#"{"interfaces": [{"mac": "fa:16:3e:00:00:0a", "xml": "<interface><mac address='fa:16:3e:00:00:0b'/></interface>"}]}"#,
        "interfaces[0].xml",
        "fa:16:3e:00:00:0b, not",
    ),
    (r#"{"perf_events": ["cmt", "cmt"]}"#, "perf_events", "twice"),
    (r#"{"memory_backing": {}}"#, "memory_backing", "file_backed"),
    (r#"{"graphics": {"vnc_port": 0}}"#, "graphics.vnc_port", "from 1 to 65535"),
    (r#"{"graphics": {"rdp_port": 65536}}"#, "graphics.rdp_port", "from 1 to 65535"),
    (r#"{"graphics": {"spice_port": "any"}}"#, "graphics.spice_port", "auto"),
    (
        r#"{"graphics": {"spice_port": 5, "vnc_websocket": 5}}"#,
        "graphics.spice_port",
        "the same port as graphics.vnc_websocket",
    ),
    (r#"{"graphics": {"rdp": ""}}"#, "graphics.rdp", "empty"),
    (r#"{"listeners": {"address": "a\u0001"}}"#, "listeners.address", "control"),
    (r#"{"listeners": {"address": "a\uffff"}}"#, "listeners.address", "no character of XML"),
    (r#"{"listeners": {"ports": {"0": 1}}}"#, "listeners.ports", "port 0"),
    (r#"{"listeners": {"ports": {"1": 3, "2": 3}}}"#, "listeners.ports", "two devices"),
    (r#"{"listeners": {"ports": {"70000": 1}}}"#, "listeners.ports", "65535"),
    (r#"{"listeners": []}"#, "listeners", "an object"),
    (r#"{"firmware": ["/a"]}"#, "firmware", "an object"),
    (r#"{"firmware": {"loader": "a"}}"#, "firmware.loader", "absolute path"),
    (r#"{"firmware": {"nvram": "/a\n"}}"#, "firmware.nvram", "absolute path"),
    (r#"{"emulator": "qemu"}"#, "emulator", "absolute path"),
    (r#"{"disks": [{"match": {"alias": "virtio-disk0"}, "xml": "<disk/>"}]}"#, "disks[0].match.alias", "ua-"),
    (r#"{"cpu_shares": 0}"#, "cpu_shares", "2 to 262144"),
    (r#"{"cpu_shares": 1}"#, "cpu_shares", "2 to 262144"),
    (r#"{"cpu_shares": 262145}"#, "cpu_shares", "2 to 262144"),
    (r#"{"cpu_shares": -1}"#, "cpu_shares", "2 to 262144"),
    (r#"{"cpu_shares": "none"}"#, "cpu_shares", "remove"),
    (r#"{"vcpu_cpuset": "3-1"}"#, "vcpu_cpuset", "0-3,^2,8"),
    (r#"{"vcpu_cpuset": "^1"}"#, "vcpu_cpuset", "0-3,^2,8"),
    (r#"{"numa": {"vcpu_pins": {"0": "1", "0": "2"}}}"#, "numa.vcpu_pins", "0 twice"),
    (r#"{"numa": {"vcpu_sched": {"vcpus": "0", "priority": 100}}}"#, "numa.vcpu_sched.priority", "1 to 99"),
    (r#"{"mdevs": {"x": "y"}}"#, "mdevs", "uuid"),
    (r#"{"pci": {"0000:25:00.4": "0:25:20.0"}}"#, "pci", "PCI address"),
    (r#"{"pci": {"0000:AF:00.4": "1:1.1", "0000:af:00.4": "1:1.2"}}"#, "pci", "twice"),
    (r#"{"pci": {"0000:25:00.4": "1:1.1", "0000:25:00.5": "0:1:1.1"}}"#, "pci", "two devices"),
    (r#"{"vpmem": ["/a", "/a"]}"#, "vpmem", "twice"),
];

#[test]
fn wrong_fields_are_named() {
    for (json, field, reason) in WRONG {
        match Retarget::from_json(json).map(|ok| ok.to_json()) {
            Err(Error::InvalidParameter { name, reason: found }) => {
                assert!(name.starts_with(field) && found.contains(reason), "{json}: {name}: {found}");
            }
            other => panic!("{json}: {other:?}"),
        }
    }
}

#[test]
fn errors_do_not_quote_definitions() {
    let xml = format!("<interface><x passwd='{SECRET}'/></interface>");
    for fields in [
        json!({"graphics": xml}),
        json!({"disks": xml}),
        json!({"memory_backing": xml}),
        json!({"mdevs": {&xml: "x"}}),
        json!({"interfaces": [{"mac": xml}]}),
        json!({"vcpu_cpuset": xml}),
        json!({"pci": {"25:0.0": xml}}),
        json!({"cpu_shares": xml}),
        json!({"numa": {"vcpu_pins": {&xml: "1"}}}),
        json!({&xml: 1}),
        json!({"disks": [{"match": {&xml: "a"}, "xml": "<disk/>"}]}),
        json!({"serial": {"ports": [xml]}}),
    ] {
        let error = Retarget::from_value(fields).unwrap_err().to_string();
        assert!(!error.contains(SECRET), "{error}");
    }
}
