//! Properties of the domain XML layer, on generated guests and on anything at all.

use crate::generate::{Shape, guest};
use crate::support::{DEFINITIONS, check::check, retarget};
use libvirt_migrate::domain_xml::{Retarget, diff_xml};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

fn shape() -> impl Strategy<Value = Shape> {
    (0..5usize, 0..4usize, 0..4usize, 2..9usize, 0..4usize, 0..4usize, 0..4usize).prop_map(
        |(disks, interfaces, cells, vcpus, mdevs, pci, serials)| Shape {
            disks,
            interfaces,
            cells,
            vcpus,
            mdevs,
            pci,
            serials,
        },
    )
}

/// White space, comments and quotes that mean nothing, put where they mean nothing.
fn noisy(xml: String) -> impl Strategy<Value = String> {
    let noise = prop_oneof![
        Just("<!-- <domain><devices/> -->"),
        Just("<?note listen='192.0.2.10'?>"),
        Just("\r\n\t "),
        Just("&#32;"),
        Just("<![CDATA[ ]]>"),
        Just("<other xmlns='urn:x'><graphics type='vnc' listen='192.0.2.10'/></other>"),
    ];
    let edits = prop::collection::vec((any::<Index>(), noise), 0..12);
    (edits, any::<bool>()).prop_map(move |(edits, swap)| {
        let mut xml = if swap { xml.replace('\'', "\"") } else { xml.clone() };
        for (place, noise) in edits {
            // Behind an end tag of the root's children or of theirs, where no step reads text.
            let ends: Vec<usize> = xml.match_indices("/>\n").map(|(at, _)| at + 2).collect();
            xml.insert_str(ends[place.index(ends.len())], noise);
        }
        xml
    })
}

/// A retargeting of some fields, and the one that undoes it.
fn there_and_back(shape: &Shape) -> (Value, Value) {
    let pair = |from: &str, to: &str| (from.to_owned(), Value::from(to));
    let pins = |offset: usize, count: usize| {
        (0..count)
            .map(|index| (index.to_string(), Value::from((index + offset).to_string())))
            .collect::<Value>()
    };
    let (mut there, mut back) = (serde_json::Map::new(), serde_json::Map::new());
    let mut both = |name: &str, one: Value, other: Value| {
        there.insert(name.to_owned(), one);
        back.insert(name.to_owned(), other);
    };
    both("graphics", json!({"vnc": "a<b>&'\"c"}), json!({"vnc": "192.0.2.10"}));
    let ports = |first: usize| (0..shape.serials).map(|index| first + index).collect::<Vec<_>>();
    both(
        "serial",
        json!({"address": "::1", "ports": ports(3)}),
        json!({"address": "192.0.2.10", "ports": ports(10000)}),
    );
    both("cpu_shares", json!(7), json!(1024));
    if shape.cells > 0 {
        let numa = |pin: usize, cell: usize, thread: &str, memory: &str, priority: u8| {
            json!({"vcpu_pins": pins(pin, shape.vcpus), "cell_pins": pins(cell, shape.cells), "emulator_pin": thread,
                   "iothread_pin": thread, "memory": memory, "vcpu_sched": {"vcpus": "0-1", "priority": priority}})
        };
        both("numa", numa(50, 9, "1", "7", 9), numa(4, 0, "0-3", &format!("0-{}", shape.cells - 1), 1));
    } else {
        both("vcpu_cpuset", json!("7"), json!("0-3"));
    }
    let (mut mdevs, mut mdevs_back) = (serde_json::Map::new(), serde_json::Map::new());
    let (mut pci, mut pci_back) = (serde_json::Map::new(), serde_json::Map::new());
    for index in 0..shape.mdevs {
        let (from, to) = (
            format!("00000000-1111-4222-8333-{index:012x}"),
            format!("00000000-1111-4222-8333-{:012x}", index + 1),
        );
        mdevs.extend([pair(&from, &to)]);
        mdevs_back.extend([pair(&to, &from)]);
    }
    for index in 0..shape.pci {
        // A chain: each takes the place of the next.
        let (from, to) = (format!("0000:25:{index:02x}.1"), format!("0000:25:{:02x}.1", index + 1));
        pci.extend([pair(&from, &to)]);
        pci_back.extend([pair(&to, &from)]);
    }
    both("mdevs", mdevs.into(), mdevs_back.into());
    both("pci", pci.into(), pci_back.into());
    (there.into(), back.into())
}

fn definition() -> impl Strategy<Value = (Shape, String)> {
    shape().prop_flat_map(|shape| noisy(guest(&shape)).prop_map(move |xml| (shape, xml)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_edit_gives_the_same_bytes((_, xml) in definition()) {
        prop_assert_eq!(&Retarget::default().apply(&xml).unwrap(), &xml);
        prop_assert_eq!(diff_xml(&xml, &xml).unwrap(), []);
    }

    #[test]
    fn a_change_taken_back_gives_the_same_bytes((shape, xml) in definition()) {
        let (there, back) = there_and_back(&shape);
        let moved = retarget(there).apply(&xml).unwrap();
        prop_assert!(moved != xml && !diff_xml(&xml, &moved).unwrap().is_empty());
        prop_assert_eq!(retarget(back).apply(&moved).unwrap(), xml);
    }

    #[test]
    fn each_step_changes_only_what_it_is_about((shape, xml) in definition()) {
        let paths = [
            ("graphics", "/domain/devices/graphics"), ("serial", "/domain/devices/serial"),
            ("disks", "/domain/devices/disk"), ("interfaces", "/domain/devices/interface"),
            ("perf_events", "/domain/perf"), ("memory_backing", "/domain/memoryBacking"),
            ("cpu_shares", "/domain/cputune"), ("vcpu_cpuset", "/domain/vcpu/@cpuset"),
            ("numa", "/domain/"), ("mdevs", "/domain/devices/hostdev"), ("pci", "/domain/devices/hostdev"),
        ];
        for (name, value) in crate::generate::retarget(&shape).to_value().as_object().unwrap() {
            let one = retarget(json!({name: value}));
            let out = one.apply(&xml).unwrap();
            let path = paths.iter().find(|(step, _)| step == name).unwrap().1;
            for change in diff_xml(&xml, &out).unwrap() {
                prop_assert!(change.path.starts_with(path), "{}: {}", name, change);
            }
            // A map of devices means something else the second time.
            if name != "pci" && name != "mdevs" {
                prop_assert_eq!(one.apply(&out).unwrap(), out, "{}, a second time", name);
            }
        }
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
    }

    #[test]
    fn any_markup_is_taken_or_refused(
        parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..60),
    ) {
        check(format!("<domain>{}</domain>", parts.concat()).as_bytes());
        check(parts.concat().as_bytes());
    }

    #[test]
    fn a_damaged_definition_is_taken_or_refused(
        which in any::<Index>(),
        damage in prop::collection::vec((any::<Index>(), any::<Index>(), any::<Index>()), 1..6),
    ) {
        let mut bytes = DEFINITIONS[which.index(DEFINITIONS.len())].1.as_bytes().to_vec();
        for (from, length, to) in damage {
            // A piece of it is taken out and put in somewhere else.
            let from = from.index(bytes.len());
            let end = (from + length.index(40)).min(bytes.len());
            let piece: Vec<u8> = bytes.drain(from..end).collect();
            let to = to.index(bytes.len() + 1);
            bytes.splice(to..to, piece);
        }
        check(&bytes);
    }
}

const PARTS: [&str; 44] = [
    "<devices>",
    "</devices>",
    "<disk type='network'>",
    "</disk>",
    "<disk/>",
    "<source protocol='rbd'>",
    "</source>",
    "<source/>",
    "<target dev='vdb'/>",
    "<host name='a'/>",
    "<serial type='tcp'>",
    "</serial>",
    "<target port='0'/>",
    "<source mode='bind' host='1' service='2'/>",
    "<interface>",
    "</interface>",
    "<mac address='fa:16:3e:00:00:0a'/>",
    "<cputune>",
    "</cputune>",
    "<cputune/>",
    "<shares>",
    "</shares>",
    "<shares/>",
    "<vcpupin vcpu='0' cpuset='1'/>",
    "<vcpusched/>",
    "<numatune/>",
    "<memory/>",
    "<vcpu>",
    "</vcpu>",
    "<vcpu />",
    "<perf >",
    "</perf >",
    "<event name='cmt'/>",
    "<memoryBacking/>",
    "<hostdev type='mdev'>",
    "</hostdev>",
    "<address uuid='4B20D080-1b54-4048-85b3-a6a62d165c01'/>",
    "<graphics type='vnc' listen=\"x\"/>",
    "<listen/>",
    "<!-- c -->",
    "\r\n  ",
    " ",
    "&amp;",
    "<![CDATA[x]]>",
];
