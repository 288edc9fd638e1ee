//! The steps about the host's CPUs, memory and devices.

use crate::support::{FLAT, NOVA, ODD, apply, fails, only, refused};
use serde_json::json;

#[test]
fn memory_backing() {
    let backing = "<source type='memfd'/>\n    <access mode='shared'/>\n";
    only(json!({"memory_backing": {"file_backed": false}}), &[]);
    only(
        json!({"memory_backing": {"file_backed": false, "drop_memfd": true}}),
        &[(&format!("\n    {backing}"), "\n")],
    );
    let by_files = "<source type='file'/>\n    <access mode='shared'/>\n    <allocation mode='immediate'/>\n";
    only(
        json!({"memory_backing": {"file_backed": true}}),
        &[(backing, &format!("{by_files}    <discard/>\n"))],
    );
    only(json!({"memory_backing": {"file_backed": true, "discard": false}}), &[(backing, by_files)]);
    let on = apply(json!({"memory_backing": {"file_backed": true}}), NOVA);
    let off = json!({"memory_backing": {"file_backed": false}});
    let gone = NOVA.replace(&format!("\n    {backing}"), "\n");
    assert_eq!(apply(off.clone(), &on), gone);
    let flat = apply(json!({"memory_backing": {"file_backed": true, "discard": false}}), FLAT);
    assert!(flat.contains("<memoryBacking><source type='file'/><access mode='shared'/><allocation mode='immediate'/></memoryBacking>"));
    assert_eq!(
        apply(off.clone(), &flat),
        FLAT.replace("<memoryBacking/>", "<memoryBacking></memoryBacking>")
    );
    // Sharing without a source is the guest's own.
    let shared = FLAT.replace("<memoryBacking/>", "<memoryBacking><access mode='shared'/></memoryBacking>");
    assert_eq!(apply(off.clone(), &shared), shared);
    fails(
        off,
        &NOVA.replace("<source type='memfd'/>", "<source/><source/>"),
        "a second <source>",
        "<source/><source/>",
    );
}

#[test]
fn cpu_shares() {
    only(json!({"cpu_shares": 512}), &[("<shares>2048</shares>", "<shares>512</shares>")]);
    only(json!({"cpu_shares": 2048}), &[]);
    only(json!({"cpu_shares": "remove"}), &[("\n    <shares>2048</shares>", "")]);
    let alone = FLAT.replace("<perf/>", "<cputune><shares>1</shares></cputune><perf/>");
    assert_eq!(apply(json!({"cpu_shares": "remove"}), &alone), FLAT);
    assert_eq!(apply(json!({"cpu_shares": "remove"}), &FLAT.replace("<perf/>", "<cputune/><perf/>")), FLAT);
    assert_eq!(apply(json!({"cpu_shares": "remove"}), FLAT), FLAT);
    for shares in [2, 262_144] {
        assert!(apply(json!({"cpu_shares": shares}), FLAT).contains(&format!("<shares>{shares}</shares>")));
    }
    let set = apply(json!({"cpu_shares": 7}), FLAT);
    assert!(set.ends_with("<cputune><shares>7</shares></cputune></domain>"), "{set}");
    // A comment is kept, and so is what holds it; the text means what its references say.
    assert_eq!(apply(json!({"cpu_shares": 1024}), ODD), ODD);
    let odd = apply(json!({"cpu_shares": "remove"}), ODD);
    assert!(odd.contains("<cputune >\r\n\t\t<!-- kept -->\r\n\t</cputune>"));
    // What another step puts in keeps it.
    let both = json!({"cpu_shares": "remove", "numa": {"emulator_pin": "1"}});
    assert!(apply(both, &alone).contains("<cputune><emulatorpin cpuset='1'/></cputune>"));
    let both = json!({"cpu_shares": 9, "numa": {"emulator_pin": "1"}});
    let made = apply(both, FLAT);
    assert!(
        made.ends_with("<cputune><shares>9</shares><emulatorpin cpuset='1'/></cputune></domain>"),
        "{made}"
    );
}

#[test]
fn vcpu_cpuset() {
    only(json!({"vcpu_cpuset": "8-11,^9"}), &[("static' cpuset='0-3'", "static' cpuset='8-11,^9'")]);
    only(json!({"vcpu_cpuset": "remove"}), &[(" cpuset='0-3'>2", ">2")]);
    assert!(apply(json!({"vcpu_cpuset": "1"}), FLAT).contains("<vcpu cpuset='1'>1</vcpu>"));
    assert_eq!(apply(json!({"vcpu_cpuset": "remove"}), FLAT), FLAT);
    assert!(apply(json!({"vcpu_cpuset": "remove"}), ODD).contains("<vcpu  >1</vcpu >"));
    let none = FLAT.replace("<vcpu>1</vcpu>", "");
    assert!(apply(json!({"vcpu_cpuset": "1"}), &none).ends_with("<vcpu cpuset='1'>1</vcpu></domain>"));
    assert_eq!(apply(json!({"vcpu_cpuset": "remove"}), &none), none);
}

#[test]
fn mediated_devices() {
    let (old, new) = ("4b20d080-1b54-4048-85b3-a6a62d165c01", "00000000-0000-4000-8000-000000000001");
    only(json!({"mdevs": {old: new}}), &[(old, new)]);
    only(json!({"mdevs": {old.to_uppercase(): new}}), &[(old, new)]);
    only(json!({"mdevs": {old: old.to_uppercase()}}), &[]);
    fails(json!({"mdevs": {new: old}}), NOVA, old, &format!("<address uuid='{old}'/>"));
    let nameless = NOVA.replace(&format!("<address uuid='{old}'/>"), "");
    fails(json!({"mdevs": {old: new}}), &nameless, "no uuid", "<hostdev mode='subsystem' type='mdev'");
}

#[test]
fn pci_devices_all_at_once() {
    let one = "bus='0x25' slot='0x00' function='0x4'";
    let other = "bus='0xAF' slot='0x01' function='0x0'";
    only(
        json!({"pci": {"0000:25:00.4": "0001:26:1f.7"}}),
        &[(&format!("'0x0000' {one}"), "'0x0001' bus='0x26' slot='0x1f' function='0x7'")],
    );
    // Upper case matches, and only what differs is written.
    only(json!({"pci": {"0000:AF:01.0": "AF:01.1"}}), &[(other, "bus='0xAF' slot='0x01' function='0x1'")]);
    let swap = json!({"pci": {"0000:25:00.4": "0000:af:01.0", "0000:af:01.0": "0000:25:00.4"}});
    let middle = ("bus='0x25' slot='0x00' function='0x4'", "bus='1'");
    only(swap, &[middle, (other, one), ("bus='1'", "bus='0xaf' slot='0x01' function='0x0'")]);
    let chain = json!({"pci": {"0000:25:00.4": "0000:af:01.0", "0000:af:01.0": "0000:b0:00.0"}});
    only(
        chain,
        &[(other, "bus='0xb0' slot='0x00' function='0x0'"), (one, "bus='0xaf' slot='0x01' function='0x0'")],
    );
    fails(
        json!({"pci": {"0000:25:00.5": "26:00.0"}}),
        NOVA,
        "no PCI host device at 0000:25:00.5",
        "  <devices>\n    <emu",
    );
    fails(
        json!({"pci": {"0000:25:00.4": "af:01.0"}}),
        NOVA,
        "another host device stays",
        "<address domain='0x0000' bus='0xAF'",
    );
    let twice = NOVA.replace(other, one);
    let second = twice.rfind(one).unwrap();
    let (message, line) = refused(json!({"pci": {"0000:25:00.4": "af:01.0"}}), &twice);
    assert_eq!(
        (message.as_str(), line),
        ("a second host device at 0000:25:00.4", twice[..second].matches('\n').count() + 1)
    );
    let decimal = NOVA.replace(&format!("domain='0x0000' {one}"), "bus='37' slot='0' function='04'");
    let out = apply(json!({"pci": {"25:00.4": "25:00.5"}}), &decimal);
    assert!(out.contains("<address bus='37' slot='0' function='0x5' domain='0x0000'/>"), "{out}");
    fails(
        json!({"pci": {"25:00.4": "25:00.5"}}),
        &NOVA.replace("'0xAF'", "'0x1AF'"),
        "out of range",
        "<address domain='0x0000' bus='0x1AF'",
    );
}

#[test]
fn paths_of_persistent_memory() {
    only(json!({"vpmem": ["/dev/dax9.0"]}), &[("/dev/dax0.1", "/dev/dax9.0")]);
    fails(json!({"vpmem": []}), NOVA, "no path in vpmem", "<memory model='nvdimm'");
    fails(json!({"vpmem": ["/a", "/b"]}), NOVA, "2 paths, but the guest has 1", "  <devices>\n    <emu");
    fails(
        json!({"vpmem": ["/a"]}),
        &NOVA.replace("<path>/dev/dax0.1</path>", ""),
        "no <source><path>",
        "<memory model='nvdimm'",
    );
}
