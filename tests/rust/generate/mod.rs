//! Guests of any size as libvirt writes them, and the retargeting that changes everything in them that a move changes.

// Each test and bench takes what it needs.
#![allow(dead_code)]

use std::fmt::Write as _;

use libvirt_migrate::domain_xml::Retarget;
use serde_json::{Value, json};

/// How much of everything a guest has.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub disks: usize,
    pub interfaces: usize,
    pub cells: usize,
    pub vcpus: usize,
    pub mdevs: usize,
    pub pci: usize,
    pub serials: usize,
}

impl Shape {
    /// One disk and one interface; about 8 kB.
    pub const SMALL: Shape =
        Shape { disks: 1, interfaces: 1, cells: 0, vcpus: 2, mdevs: 0, pci: 0, serials: 1 };
    /// About 55 kB.
    pub const LARGE: Shape =
        Shape { disks: 24, interfaces: 8, cells: 8, vcpus: 64, mdevs: 8, pci: 8, serials: 4 };
}

/// The definition at the source.
pub fn guest(shape: &Shape) -> String {
    let mut xml = String::from(HEAD);
    if shape.cells > 0 {
        pins(&mut xml, shape);
    } else {
        let _ = writeln!(xml, "  <vcpu placement='static' cpuset='0-3'>{}</vcpu>", shape.vcpus);
        xml.push_str("  <cputune>\n    <shares>1024</shares>\n  </cputune>\n");
    }
    xml.push_str(&MIDDLE.replace("  </cpu>\n", &(topology(shape) + "  </cpu>\n")));
    // A machine of type q35 has a root port for each device.
    for port in 2..=shape.disks + shape.interfaces + shape.pci + 1 {
        let _ = write!(
            xml,
            "    <controller type='pci' index='{port}' model='pcie-root-port'>\n      \
             <model name='pcie-root-port'/>\n      <target chassis='{port}' port='0x{:x}'/>\n      \
             <alias name='pci.{port}'/>\n      <address type='pci' domain='0x0000' bus='0x00' slot='0x{:02x}' \
             function='0x{:x}'/>\n    </controller>\n",
            port + 15,
            port / 8 + 2,
            port % 8
        );
    }
    for index in 0..shape.disks {
        let _ = write!(
            xml,
            "    <disk type='network' device='disk'>\n      \
             <driver name='qemu' type='raw' cache='writeback' discard='unmap'/>\n      \
             <auth username='cinder'>\n        <secret type='ceph' uuid='0ce168c7-b25c-46ae-9e9c-4dfcecb23708'/>\n      \
             </auth>\n      <source protocol='rbd' name='volumes/volume-{index:08}' index='{index}'>\n        \
             <host name='192.0.2.1' port='6789'/>\n        <host name='192.0.2.2' port='6789'/>\n      </source>\n      \
             <target dev='vd{index}' bus='virtio'/>\n      <iotune>\n        \
             <total_iops_sec>500</total_iops_sec>\n      </iotune>\n      <serial>{}</serial>\n      \
             <alias name='virtio-disk{index}'/>\n      \
             <address type='pci' domain='0x0000' bus='0x{:02x}' slot='0x{:02x}' function='0x0'/>\n    </disk>\n",
            serial(index),
            index / 32 % 256,
            index % 32
        );
    }
    for index in 0..shape.interfaces {
        let _ = write!(
            xml,
            "    <interface type='bridge'>\n      <mac address='{}'/>\n      <source bridge='qbr{index:08}'/>\n      \
             <target dev='tap{index:08}'/>\n      <model type='virtio'/>\n      <driver name='vhost' queues='4'/>\n      \
             <mtu size='1450'/>\n      <alias name='net{index}'/>\n      \
             <address type='pci' domain='0x0000' bus='0x10' slot='0x{index:02x}' function='0x0'/>\n    </interface>\n",
            mac(index)
        );
    }
    for index in 0..shape.serials {
        let _ = write!(
            xml,
            "    <serial type='tcp'>\n      <source mode='bind' host='192.0.2.10' service='{}'/>\n      \
             <protocol type='raw'/>\n      <target type='isa-serial' port='{index}'>\n        \
             <model name='isa-serial'/>\n      </target>\n      <alias name='serial{index}'/>\n    </serial>\n",
            10000 + index
        );
    }
    for index in 0..shape.mdevs {
        let _ = write!(
            xml,
            "    <hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci' display='off'>\n      \
             <source>\n        <address uuid='{}'/>\n      </source>\n      <alias name='hostdev{index}'/>\n      \
             <address type='pci' domain='0x0000' bus='0x12' slot='0x{index:02x}' function='0x0'/>\n    </hostdev>\n",
            uuid(index, 0)
        );
    }
    for index in 0..shape.pci {
        let _ = write!(
            xml,
            "    <hostdev mode='subsystem' type='pci' managed='yes'>\n      <driver name='vfio'/>\n      \
             <source>\n        <address domain='0x0000' bus='0x25' slot='0x{index:02x}' function='0x1'/>\n      \
             </source>\n      <alias name='hostdev1{index}'/>\n      \
             <address type='pci' domain='0x0000' bus='0x11' slot='0x{index:02x}' function='0x0'/>\n    </hostdev>\n"
        );
    }
    xml.push_str(TAIL);
    xml
}

fn pins(xml: &mut String, shape: &Shape) {
    let _ = writeln!(
        xml,
        "  <vcpu placement='static'>{}</vcpu>\n  <cputune>\n    <shares>1024</shares>",
        shape.vcpus
    );
    for vcpu in 0..shape.vcpus {
        let _ = writeln!(xml, "    <vcpupin vcpu='{vcpu}' cpuset='{}'/>", vcpu + 4);
    }
    xml.push_str("    <emulatorpin cpuset='0-3'/>\n    <iothreadpin iothread='1' cpuset='0-3'/>\n");
    xml.push_str("    <vcpusched vcpus='0-1' scheduler='fifo' priority='1'/>\n  </cputune>\n");
    let _ = writeln!(xml, "  <numatune>\n    <memory mode='strict' nodeset='0-{}'/>", shape.cells - 1);
    for cell in 0..shape.cells {
        let _ = writeln!(xml, "    <memnode cellid='{cell}' mode='strict' nodeset='{cell}'/>");
    }
    xml.push_str("  </numatune>\n");
}

/// The guest's own NUMA cells.
fn topology(shape: &Shape) -> String {
    if shape.cells == 0 {
        return String::new();
    }
    let mut xml = String::from("    <numa>\n");
    for cell in 0..shape.cells {
        let _ = writeln!(
            xml,
            "      <cell id='{cell}' cpus='{}-{}' memory='8388608' unit='KiB' memAccess='shared'>\n        <distances>",
            cell * 8,
            cell * 8 + 7
        );
        for other in 0..shape.cells {
            let distance = if other == cell { 10 } else { 20 };
            let _ = writeln!(xml, "          <sibling id='{other}' value='{distance}'/>");
        }
        xml.push_str("        </distances>\n      </cell>\n");
    }
    xml + "    </numa>\n"
}

fn serial(index: usize) -> String {
    uuid(index, 7)
}

fn mac(index: usize) -> String {
    format!("fa:16:3e:00:00:{index:02x}")
}

fn uuid(index: usize, kind: usize) -> String {
    format!("{kind:08x}-1111-4222-8333-{index:012x}")
}

/// What a move changes in that guest.
pub fn retarget(shape: &Shape) -> Retarget {
    let mut fields = json!({
        "graphics": {"vnc": "198.51.100.7", "spice": "198.51.100.7"},
        "serial": {"address": "198.51.100.7", "ports": (0..shape.serials).map(|port| 20000 + port).collect::<Vec<_>>()},
        "disks": (0..shape.disks).map(disk).collect::<Vec<_>>(),
        "interfaces": (0..shape.interfaces).map(interface).collect::<Vec<_>>(),
        "perf_events": ["cmt", "mbmt"],
        "memory_backing": {"file_backed": false},
        "cpu_shares": "remove",
    });
    if shape.cells > 0 {
        fields["numa"] = numa(shape);
    } else {
        fields["vcpu_cpuset"] = "8-15".into();
    }
    let map = |count: usize, from: &dyn Fn(usize) -> String, to: &dyn Fn(usize) -> String| {
        (0..count).map(|index| (from(index), to(index).into())).collect::<serde_json::Map<_, Value>>()
    };
    fields["mdevs"] = map(shape.mdevs, &|index| uuid(index, 0), &|index| uuid(index, 9)).into();
    let from = |index| format!("0000:25:{index:02x}.1");
    fields["pci"] = map(shape.pci, &from, &|index| format!("0000:81:{index:02x}.2")).into();
    Retarget::from_value(fields).unwrap()
}

fn numa(shape: &Shape) -> Value {
    let pins = |count: usize, first: usize| {
        let entry = |index: usize| (index.to_string(), (index + first).to_string().into());
        (0..count).map(entry).collect::<serde_json::Map<_, Value>>()
    };
    json!({
        "vcpu_pins": pins(shape.vcpus, 100), "emulator_pin": "96-99", "iothread_pin": "96-99",
        "cell_pins": pins(shape.cells, 8), "memory": "8-15", "vcpu_sched": {"vcpus": "0-1", "priority": 2},
    })
}

fn disk(index: usize) -> Value {
    let xml = format!(
        "<disk type='network' device='disk'>\n  <driver name='qemu' type='raw' cache='writeback' discard='unmap'/>\n  \
         <source protocol='rbd' name='volumes/volume-{index:08}'>\n    <host name='198.51.100.1' port='6789'/>\n    \
         <host name='198.51.100.2' port='6789'/>\n  </source>\n  <auth username='cinder'>\n    \
         <secret type='ceph' uuid='0ce168c7-b25c-46ae-9e9c-4dfcecb23708'/>\n  </auth>\n  \
         <target dev='vd{index}' bus='virtio'/>\n  <serial>{}</serial>\n</disk>\n",
        serial(index)
    );
    json!({"match": {"serial": serial(index)}, "xml": xml})
}

fn interface(index: usize) -> Value {
    let xml = format!(
        "<interface type='bridge'>\n  <mac address='{}'/>\n  <model type='virtio'/>\n  \
         <driver name='vhost' queues='4'/>\n  <source bridge='br-int'/>\n  <mtu size='1450'/>\n  \
         <target dev='tap{index:08}'/>\n  <virtualport type='openvswitch'>\n    \
         <parameters interfaceid='{}'/>\n  </virtualport>\n</interface>\n",
        mac(index),
        uuid(index, 5)
    );
    json!({"mac": mac(index), "xml": xml})
}

const HEAD: &str = include_str!("head.xml");
const MIDDLE: &str = include_str!("middle.xml");
const TAIL: &str = include_str!("tail.xml");
