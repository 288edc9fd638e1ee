//! What a guest has that pins are of: its vCPUs, its NUMA cells, and how its memory is placed.

use std::collections::HashSet;

use super::numa::NUMATUNE;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::{CpuSet, XmlError};

/// The vCPUs and the NUMA cells of a guest.
pub(super) struct Topology {
    /// How many vCPUs it can have at most; `None` where the definition does not say it in a number.
    vcpus: Option<u32>,
    /// The cells, by number.
    pub cells: HashSet<u32>,
}

impl Topology {
    /// `says` that the definition is being given an element of vCPUs, which says one where there was none.
    pub fn of(domain: Element<'_>, says: bool) -> Result<Self, XmlError> {
        let vcpus = match domain.only("vcpu")? {
            Some(vcpu) => vcpu.own_text().trim().parse().ok(),
            // libvirt reads one, but its own definitions always say it: this is an extract, as Nova's tests have them.
            None => says.then_some(1),
        };
        let numa = domain.only("cpu")?.map_or(Ok(None), |cpu| cpu.only("numa"))?;
        let cells = numa.into_iter().flat_map(|numa| numa.children().filter(|child| child.named("cell")));
        // A cell without a number has that of its place.
        let number = |(place, cell): (usize, Element<'_>)| match cell.attr("id") {
            Some(id) => id.value().trim().parse().ok(),
            None => u32::try_from(place).ok(),
        };
        Ok(Self { vcpus, cells: cells.enumerate().filter_map(number).collect() })
    }

    pub fn has_vcpu(&self, vcpu: u32) -> bool {
        self.vcpus.is_none_or(|count| vcpu < count)
    }

    /// The first vCPU of a set that the guest lacks.
    pub fn first_lacking(&self, vcpus: &CpuSet) -> Option<u32> {
        vcpus.first_from(self.vcpus?)
    }
}

/// How a guest's memory is placed on NUMA nodes.
pub(super) struct Memory<'a> {
    element: Option<Element<'a>>,
    /// The mode of new elements: what their siblings have, since libvirt refuses some that differ.
    pub mode: String,
    /// Whether libvirt asks its advisor where the memory goes, and refuses pins of cells.
    pub is_automatic: bool,
}

impl<'a> Memory<'a> {
    pub fn of(domain: Element<'a>) -> Result<Self, XmlError> {
        let numatune = domain.only(NUMATUNE)?;
        let element = numatune.map_or(Ok(None), |numatune| numatune.only("memory"))?;
        let mode = |element: Element<'a>| element.attr("mode").map(|mode| mode.value().into_owned());
        let modes = || {
            let mut nodes =
                numatune.into_iter().flat_map(|numatune| numatune.children().filter(|c| c.named("memnode")));
            let first = nodes.next().map(mode)?;
            nodes.all(|node| mode(node) == first).then_some(first)?
        };
        let is_automatic = match element {
            Some(memory) => memory.is("placement", "auto"),
            None => domain.child("vcpu").is_some_and(|vcpu| vcpu.is("placement", "auto")),
        };
        let mode = element.map_or_else(modes, mode).unwrap_or_else(|| "strict".to_owned());
        Ok(Self { element, mode, is_automatic })
    }

    /// Puts the memory onto these nodes.
    pub fn place(
        &self,
        domain: Element<'a>,
        set: &'a CpuSet,
        editor: &mut Editor<'a>,
    ) -> Result<(), XmlError> {
        let Some(memory) = self.element else {
            let xml = format!("<memory mode='{}' nodeset='{set}'/>", self.mode);
            return editor.append_within(domain, NUMATUNE, xml);
        };
        // With placement auto libvirt asks its advisor, and not this set.
        if memory.is("placement", "auto") {
            editor.set_attr(memory, "placement", "static");
        }
        editor.set_attr(memory, "nodeset", set.as_str());
        Ok(())
    }
}
