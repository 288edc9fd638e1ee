//! Pins to the host's CPUs and NUMA nodes, and what is made of them where a guest has none.

use crate::support::{FLAT, NOVA, apply, fails, only};
use serde_json::{Value, json};

#[test]
fn numa_pins() {
    only(
        json!({"numa": {"vcpu_pins": {"1": "20-21"}, "emulator_pin": "8", "iothread_pin": "9", "cell_pins": {"0": "3"},
                        "memory": "3", "vcpu_sched": {"vcpus": "0-1", "priority": 5, "scheduler": "rr"}}}),
        &[
            ("vcpu='1' cpuset='3'", "vcpu='1' cpuset='20-21'"),
            ("<emulatorpin cpuset='0-1'/>", "<emulatorpin cpuset='8'/>"),
            ("iothread='1' cpuset='0'", "iothread='1' cpuset='9'"),
            ("iothread='2' cpuset='1'", "iothread='2' cpuset='9'"),
            ("<memory mode='strict' nodeset='0'/>", "<memory mode='strict' nodeset='3'/>"),
            ("cellid='0' mode='strict' nodeset='0'", "cellid='0' mode='strict' nodeset='3'"),
            (
                "<vcpusched vcpus='0' scheduler='fifo' priority='1'/>",
                "<vcpusched vcpus='0-1' scheduler='rr' priority='5'/>",
            ),
            ("\n    <vcpusched vcpus='1' scheduler='fifo' priority='1'/>", ""),
        ],
    );
    only(json!({"numa": {}}), &[]);
}

#[test]
fn numa_pins_that_are_missing_are_made() {
    let out = apply(
        json!({"numa": {"vcpu_pins": {"3": "1", "2": "0"}, "emulator_pin": "8", "iothread_pin": "9", "cell_pins": {"1": "3"},
                        "memory": "3", "vcpu_sched": {"vcpus": "0", "priority": 5}}}),
        &cells(2),
    );
    let made = "<cputune><vcpupin vcpu='2' cpuset='0'/><vcpupin vcpu='3' cpuset='1'/><emulatorpin cpuset='8'/>\
        <vcpusched vcpus='0' scheduler='fifo' priority='5'/></cputune><numatune><memory mode='strict' nodeset='3'/>\
        <memnode cellid='1' mode='strict' nodeset='3'/></numatune></domain>";
    assert!(out.ends_with(made), "{out}");
}

/// A guest with four vCPUs and so many NUMA cells.
fn cells(count: usize) -> String {
    let cells: String = (0..count).map(|cell| format!("<cell id='{cell}' memory='1'/>")).collect();
    FLAT.replace("<vcpu>1</vcpu>", &format!("<vcpu>4</vcpu><cpu><numa>{cells}</numa></cpu>"))
}

#[test]
fn what_is_added_agrees_with_its_siblings() {
    let numatune = |xml: &str| cells(3).replace("<perf/>", &format!("<numatune>{xml}</numatune>"));
    let pins = json!({"numa": {"cell_pins": {"1": "3"}}});
    // A node's mode is that of the memory, which libvirt demands of "restrictive".
    for mode in ["restrictive", "preferred", "interleave"] {
        let out = apply(pins.clone(), &numatune(&format!("<memory mode='{mode}' nodeset='0'/>")));
        assert!(out.contains(&format!("<memnode cellid='1' mode='{mode}' nodeset='3'/>")), "{out}");
    }
    let out = apply(pins.clone(), &numatune("<memory nodeset='0'/>"));
    assert!(out.contains("<memnode cellid='1' mode='strict' nodeset='3'/>"), "{out}");
    // The memory's is that of all nodes, where they have one.
    let nodes = "<memnode cellid='0' mode='restrictive' nodeset='0'/><memnode cellid='2' mode='restrictive' nodeset='0'/>";
    let both = json!({"numa": {"memory": "7", "cell_pins": {"1": "3"}}});
    let out = apply(both.clone(), &numatune(nodes));
    assert!(
        out.contains("<memory mode='restrictive' nodeset='7'/><memnode cellid='1' mode='restrictive'"),
        "{out}"
    );
    let out = apply(both.clone(), &numatune(&nodes.replacen("restrictive", "strict", 1)));
    assert!(out.contains("<memory mode='strict' nodeset='7'/><memnode cellid='1' mode='strict'"), "{out}");
    // What libvirt's advisor would place is placed by what is given.
    let auto = numatune("<memory mode='interleave' placement='auto'/>");
    let out = apply(both.clone(), &auto);
    assert!(out.contains("<memory mode='interleave' placement='static' nodeset='7'/>"), "{out}");
    assert!(out.contains("<memnode cellid='1' mode='interleave' nodeset='3'/>"), "{out}");
    fails(pins.clone(), &auto, "numa.cell_pins needs numa.memory too", "<numatune>");
    let vcpu = cells(3).replace("<vcpu>", "<vcpu placement='auto'>");
    fails(pins, &vcpu, "numa.cell_pins needs numa.memory too", "<domain");
    assert!(apply(both, &vcpu).contains("<memory mode='strict' nodeset='7'/>"));
    let out = apply(json!({"vcpu_cpuset": "0-3"}), &vcpu);
    assert!(out.contains("<vcpu placement='static' cpuset='0-3'>4</vcpu>"), "{out}");
    assert_eq!(apply(json!({"vcpu_cpuset": "remove"}), &vcpu), vcpu);
}

#[test]
fn a_vcpu_or_a_cell_that_the_guest_lacks_is_refused() {
    let numa = |fields: Value| json!({"numa": fields});
    let guest = cells(2);
    fails(
        numa(json!({"vcpu_pins": {"3": "1", "4": "1"}})),
        &guest,
        "no vCPU 4, which numa.vcpu_pins",
        "<domain",
    );
    fails(numa(json!({"cell_pins": {"1": "1", "2": "1"}})), &guest, "no NUMA cell 2, which", "<domain");
    fails(numa(json!({"cell_pins": {"0": "1"}})), FLAT, "no NUMA cell 0, which numa.cell_pins", "<domain");
    let sched = |vcpus: &str| numa(json!({"vcpu_sched": {"vcpus": vcpus, "priority": 1}}));
    fails(sched("0-3,9,5-6"), &guest, "no vCPU 5, which numa.vcpu_sched", "<domain");
    fails(sched("2-4294967295"), &guest, "no vCPU 4, which numa.vcpu_sched", "<domain");
    apply(sched("0-5,^4,^5"), &guest);
    // Cells without numbers count from 0.
    let unnumbered = guest.replace("<cell id='0' ", "<cell ").replace("<cell id='1' ", "<cell ");
    assert!(apply(numa(json!({"cell_pins": {"1": "7"}})), &unnumbered).contains("cellid='1'"));
    // A pin that is there is of what is there, whatever the rest says.
    let pinned = FLAT.replace("<perf/>", "<cputune><vcpupin vcpu='9' cpuset='0'/></cputune>");
    assert!(apply(numa(json!({"vcpu_pins": {"9": "1"}})), &pinned).contains("vcpu='9' cpuset='1'"));
    // How many there are is not known where the definition does not say, unless it is made to say one.
    let silent = FLAT.replace("<vcpu>1</vcpu>", "");
    assert!(apply(sched("20-21"), &silent).contains("<vcpusched vcpus='20-21'"));
    let mut said = sched("0-1");
    said["vcpu_cpuset"] = json!("0-3");
    fails(said, &silent, "no vCPU 1, which numa.vcpu_sched", "<domain");
}

#[test]
fn numa_pins_that_are_not_clear_are_refused() {
    let pin = json!({"numa": {"vcpu_pins": {"0": "1"}}});
    let twice = NOVA.replace("<vcpupin vcpu='1'", "<vcpupin vcpu='0'");
    fails(pin.clone(), &twice, "a second <vcpupin> with vcpu 0", "cpuset='3'/>");
    fails(pin.clone(), &NOVA.replace("vcpu='1'", "vcpu='x'"), "no number as vcpu", "cpuset='3'/>");
    fails(pin, &NOVA.replace("<cputune>", "<cputune/>\n<cputune>"), "a second <cputune>", "<cputune>");
}
