//! Pins of vCPUs, threads and memory to the host's CPUs and NUMA nodes.

use std::collections::BTreeMap;

use super::Missing;
use super::topology::{Memory, Topology};
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::retarget::{Numa, Scheduler, VcpuSched};
use crate::domain_xml::{CpuSet, XmlError};

const CPUTUNE: &str = "cputune";
pub(super) const NUMATUNE: &str = "numatune";

pub(super) fn apply<'a>(
    domain: Element<'a>,
    numa: &'a Numa,
    counts: bool,
    editor: &mut Editor<'a>,
    missing: &mut Missing,
) -> Result<(), XmlError> {
    let topology = Topology::of(domain, counts)?;
    let pins =
        Pins { parent: CPUTUNE, name: "vcpupin", key: "vcpu", attribute: "cpuset", pins: &numa.vcpu_pins };
    pins.apply(domain, editor, |vcpu, set| {
        if !topology.has_vcpu(vcpu) {
            let what = format!("the guest has no vCPU {vcpu}, which numa.vcpu_pins names");
            return missing.add(domain, what).map(|()| None);
        }
        Ok(Some(format!("<vcpupin vcpu='{vcpu}' cpuset='{set}'/>")))
    })?;
    threads(domain, numa, editor)?;
    let memory = Memory::of(domain)?;
    if let Some(set) = &numa.memory {
        memory.place(domain, set, editor)?;
    }
    let pins = Pins {
        parent: NUMATUNE,
        name: "memnode",
        key: "cellid",
        attribute: "nodeset",
        pins: &numa.cell_pins,
    };
    let mut added = false;
    pins.apply(domain, editor, |cell, set| {
        if !topology.cells.contains(&cell) {
            let what = format!("the guest has no NUMA cell {cell}, which numa.cell_pins names");
            return missing.add(domain, what).map(|()| None);
        }
        added = true;
        Ok(Some(format!("<memnode cellid='{cell}' mode='{}' nodeset='{set}'/>", memory.mode)))
    })?;
    if added && numa.memory.is_none() && memory.is_automatic {
        let message =
            "numa.cell_pins needs numa.memory too, since the guest's memory is placed automatically";
        return Err(domain.only(NUMATUNE)?.unwrap_or(domain).error(message));
    }
    match &numa.vcpu_sched {
        Some(sched) => match topology.first_lacking(&sched.vcpus) {
            Some(vcpu) => {
                missing.add(domain, format!("the guest has no vCPU {vcpu}, which numa.vcpu_sched names"))
            }
            None => schedule(domain, domain.only(CPUTUNE)?, sched, editor),
        },
        None => Ok(()),
    }
}

/// The pins of the emulator's threads and of the I/O threads.
fn threads<'a>(domain: Element<'a>, numa: &'a Numa, editor: &mut Editor<'a>) -> Result<(), XmlError> {
    let cputune = domain.only(CPUTUNE)?;
    if let Some(set) = &numa.emulator_pin {
        match cputune.map_or(Ok(None), |cputune| cputune.only("emulatorpin"))? {
            Some(pin) => editor.set_attr(pin, "cpuset", set.as_str()),
            None => editor.append_within(domain, CPUTUNE, format!("<emulatorpin cpuset='{set}'/>"))?,
        }
    }
    if let (Some(set), Some(cputune)) = (&numa.iothread_pin, cputune) {
        cputune.all("iothreadpin").for_each(|pin| editor.set_attr(pin, "cpuset", set.as_str()));
    }
    Ok(())
}

/// Pins of one kind: each an element of a number.
struct Pins<'a> {
    parent: &'static str,
    name: &'static str,
    /// The attribute that holds the number.
    key: &'static str,
    attribute: &'static str,
    pins: &'a BTreeMap<u32, CpuSet>,
}

impl<'a> Pins<'a> {
    /// Sets the pin of each number that is named. One that the guest does not have yet is made by `missing`.
    fn apply(
        &self,
        domain: Element<'a>,
        editor: &mut Editor<'a>,
        mut missing: impl FnMut(u32, &CpuSet) -> Result<Option<String>, XmlError>,
    ) -> Result<(), XmlError> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let mut known = self.known(domain)?.into_iter().peekable();
        for (&number, set) in self.pins {
            while known.next_if(|(other, _)| *other < number).is_some() {}
            match known.next_if(|(other, _)| *other == number) {
                Some((_, element)) => editor.set_attr(element, self.attribute, set.as_str()),
                None => {
                    if let Some(xml) = missing(number, set)? {
                        editor.append_within(domain, self.parent, xml)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The pins that the guest has, by number: in order already, as a rule, so that both lists are walked once.
    fn known(&self, domain: Element<'a>) -> Result<Vec<(u32, Element<'a>)>, XmlError> {
        let (name, key) = (self.name, self.key);
        let mut known = Vec::new();
        for element in domain.only(self.parent)?.into_iter().flat_map(|parent| parent.all(name)) {
            let number = element.attr(key).and_then(|number| number.raw.parse::<u32>().ok());
            let number = number.ok_or_else(|| element.error(format!("<{name}> has no number as {key}")))?;
            known.push((number, element));
        }
        known.sort_by_key(|(number, _)| *number);
        match known.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(pair[1].1.error(format!("a second <{name}> with {key} {}", pair[1].0))),
            None => Ok(known),
        }
    }
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
