//! `Definition::new` on a definition of about 55 kB against one bare quick-xml pass over it: the two take turns
//! in one run, and the ratio is that of their medians.
//!
//! `build_migrate_params` is this and the copies of the text into Rust and back.

use std::hint::black_box;
use std::time::Instant;

use libvirt_migrate::params::{Definition, MigrateParams};
use quick_xml::Reader;
use quick_xml::events::Event;

const ROUNDS: usize = 2001;
/// What the project aims at.
const AIM: f64 = 3.0;

fn main() {
    let xml = large_definition(55_000);
    let (mut bare, mut ours) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        bare.push(timed(|| bare_pass(black_box(&xml))));
        ours.push(timed(|| {
            let definition = Definition::new(black_box(xml.as_str()), None).unwrap();
            MigrateParams::new(Some(definition), [], None, None).unwrap()
        }));
    }
    let (bare, ours) = (median(bare), median(ours));
    println!(
        "build_migrate_params, {} bytes: {ours:.0} us; bare quick-xml pass: {bare:.0} us; ratio {:.2} (aim: {AIM} at most)",
        xml.len(),
        ours / bare
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn bare_pass(xml: &str) -> usize {
    let mut reader = Reader::from_str(xml);
    let mut events = 0;
    while !matches!(reader.read_event().unwrap(), Event::Eof) {
        events += 1;
    }
    events
}

fn large_definition(bytes: usize) -> String {
    let mut xml = String::from(
        "<domain type='kvm'>\n  <name>instance-0000abcd</name>\n  \
         <uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>\n  <devices>\n",
    );
    let mut index = 0;
    while xml.len() < bytes {
        index += 1;
        xml.push_str(&format!(
            "    <disk type='network' device='disk'>\n      <driver name='qemu' type='raw' cache='none'/>\n      \
             <source protocol='rbd' name='volumes/volume-{index:08}'>\n        <host name='10.0.0.{}' port='6789'/>\n      \
             </source>\n      <target dev='vd{index}' bus='virtio'/>\n      <serial>{index:08}</serial>\n    </disk>\n",
            index % 250
        ));
    }
    xml.push_str("  </devices>\n</domain>\n");
    xml
}
