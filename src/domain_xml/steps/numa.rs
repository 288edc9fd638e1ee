//! Pins of vCPUs, threads and memory to the host's CPUs and NUMA nodes.

use std::collections::BTreeMap;

use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::retarget::{Numa, Scheduler, VcpuSched};
use crate::domain_xml::{CpuSet, XmlError};

const CPUTUNE: &str = "cputune";
const NUMATUNE: &str = "numatune";

pub(super) fn apply<'a>(
    domain: Element<'a>,
    numa: &'a Numa,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let (cputune, numatune) = (domain.only(CPUTUNE)?, domain.only(NUMATUNE)?);
    let missing = |vcpu: u32, set: &CpuSet| format!("<vcpupin vcpu='{vcpu}' cpuset='{set}'/>");
    pin(domain, (CPUTUNE, "vcpupin", "vcpu", "cpuset"), &numa.vcpu_pins, missing, editor)?;
    if let Some(set) = &numa.emulator_pin {
        match cputune.map_or(Ok(None), |cputune| cputune.only("emulatorpin"))? {
            Some(pin) => editor.set_attr(pin, "cpuset", set.as_str()),
            None => editor.append_within(domain, CPUTUNE, format!("<emulatorpin cpuset='{set}'/>"))?,
        }
    }
    if let (Some(set), Some(cputune)) = (&numa.iothread_pin, cputune) {
        cputune.all("iothreadpin").for_each(|pin| editor.set_attr(pin, "cpuset", set.as_str()));
    }
    if let Some(set) = &numa.memory {
        match numatune.map_or(Ok(None), |numatune| numatune.only("memory"))? {
            Some(memory) => {
                // With placement auto libvirt asks its advisor, and not this set.
                if memory.is("placement", "auto") {
                    editor.set_attr(memory, "placement", "static");
                }
                editor.set_attr(memory, "nodeset", set.as_str());
            }
            None => {
                editor.append_within(domain, NUMATUNE, format!("<memory mode='strict' nodeset='{set}'/>"))?;
            }
        }
    }
    let missing =
        |cell: u32, set: &CpuSet| format!("<memnode cellid='{cell}' mode='strict' nodeset='{set}'/>");
    pin(domain, (NUMATUNE, "memnode", "cellid", "nodeset"), &numa.cell_pins, missing, editor)?;
    if let Some(sched) = &numa.vcpu_sched {
        schedule(domain, cputune, sched, editor)?;
    }
    Ok(())
}

/// Sets the pin of each number that is named, and adds those that are missing.
fn pin<'a>(
    domain: Element<'a>,
    (parent, name, key, attribute): (&'static str, &'static str, &str, &str),
    pins: &'a BTreeMap<u32, CpuSet>,
    missing: impl Fn(u32, &CpuSet) -> String,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    if pins.is_empty() {
        return Ok(());
    }
    let mut known = Vec::new();
    for element in domain.only(parent)?.into_iter().flat_map(|parent| parent.all(name)) {
        let number = element.attr(key).and_then(|number| number.raw.parse::<u32>().ok());
        let number = number.ok_or_else(|| element.error(format!("<{name}> has no number as {key}")))?;
        known.push((number, element));
    }
    // In order already, as a rule; both lists are walked once.
    known.sort_by_key(|(number, _)| *number);
    if let Some(pair) = known.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(pair[1].1.error(format!("a second <{name}> with {key} {}", pair[1].0)));
    }
    let mut known = known.into_iter().peekable();
    for (&number, set) in pins {
        while known.next_if(|(other, _)| *other < number).is_some() {}
        match known.next_if(|(other, _)| *other == number) {
            Some((_, element)) => editor.set_attr(element, attribute, set.as_str()),
            None => editor.append_within(domain, parent, missing(number, set))?,
        }
    }
    Ok(())
}

fn schedule<'a>(
    domain: Element<'a>,
    cputune: Option<Element<'a>>,
    sched: &'a VcpuSched,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let scheduler = match sched.scheduler {
        Scheduler::Fifo => "fifo",
        Scheduler::Rr => "rr",
    };
    let priority = sched.priority.to_string();
    let mut old = cputune.into_iter().flat_map(|cputune| cputune.all("vcpusched"));
    // The first is changed in place, and there is only one.
    if let Some(first) = old.next() {
        editor.set_attr(first, "vcpus", sched.vcpus.as_str());
        editor.set_attr(first, "scheduler", scheduler);
        editor.set_attr(first, "priority", priority.clone());
        old.for_each(|other| editor.remove(other));
        return Ok(());
    }
    let vcpus = &sched.vcpus;
    let xml = format!("<vcpusched vcpus='{vcpus}' scheduler='{scheduler}' priority='{priority}'/>");
    editor.append_within(domain, CPUTUNE, xml)
}
