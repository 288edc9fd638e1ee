//! The rules of a `Retarget` that go across values: what no definition can be given.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::ops::RangeInclusive;

use super::characters::is_allowed;
use super::retarget::{DiskKey, DisplayPort, Graphics, Retarget};
use super::{Setting, steps};
use crate::{Error, Result};

/// What libvirt takes as `<shares>`: the range of the kernel's control groups.
const CPU_SHARES: RangeInclusive<u64> = 2..=262_144;

impl Retarget {
    /// Refuses what no definition can be given: a value that is empty, out of range or there twice.
    pub fn check(&self) -> Result<()> {
        let graphics = self.graphics.as_ref();
        text("graphics.vnc", graphics.and_then(|graphics| graphics.vnc.as_deref()))?;
        text("graphics.spice", graphics.and_then(|graphics| graphics.spice.as_deref()))?;
        text("graphics.rdp", graphics.and_then(|graphics| graphics.rdp.as_deref()))?;
        if let Some(graphics) = graphics {
            self::graphics(graphics)?;
        }
        if let Some(listeners) = &self.listeners {
            text("listeners.address", listeners.address.as_deref())?;
            if listeners.ports.iter().flatten().any(|(from, to)| *from == 0 || *to == 0) {
                return Err(Error::parameter("listeners.ports", "has port 0"));
            }
        }
        if let Some(serial) = &self.serial {
            text("serial.address", serial.address.as_deref())?;
            if serial.ports.contains(&0) {
                return Err(Error::parameter("serial.ports", "has port 0"));
            }
            distinct("serial.ports", serial.ports.iter())?;
        }
        for (index, disk) in self.disks.iter().enumerate() {
            let checked = disk
                .xml
                .check_root("disk")
                .and_then(|()| steps::taken(disk.xml.root()).map(drop).map_err(|error| error.to_string()));
            checked.map_err(|reason| Error::parameter(format!("disks[{index}].xml"), reason))?;
        }
        let alias = self
            .disks
            .iter()
            .position(|disk| matches!(&disk.key, DiskKey::Alias(name) if !name.starts_with("ua-")));
        if let Some(index) = alias {
            let reason =
                "takes a user's alias, which begins with ua-; libvirt's own change from start to start";
            return Err(Error::parameter(format!("disks[{index}].match.alias"), reason));
        }
        distinct("disks", self.disks.iter().map(|disk| &disk.key))?;
        if let Some(rbd) = &self.rbd {
            if rbd.monitors.is_empty() {
                return Err(Error::parameter("rbd.monitors", "is empty; a disk without monitors is lost"));
            }
            text("rbd.monitors", rbd.monitors.iter().map(|monitor| monitor.host.as_str()))?;
            distinct("rbd.disks", rbd.disks.iter().flatten())?;
        }
        let interfaces = self.interfaces.iter().flatten();
        for (index, interface) in interfaces.clone().enumerate() {
            if let Some(xml) = &interface.xml {
                xml.check_root("interface")
                    .and_then(|()| xml.check_mac(interface.mac))
                    .map_err(|reason| Error::parameter(format!("interfaces[{index}].xml"), reason))?;
            }
        }
        distinct("interfaces", interfaces.map(|interface| interface.mac))?;
        text("perf_events", self.perf_events.iter().flatten().map(String::as_str))?;
        distinct("perf_events", self.perf_events.iter().flatten())?;
        text("vpmem", self.vpmem.iter().flatten().map(String::as_str))?;
        distinct("vpmem", self.vpmem.iter().flatten())?;
        if let Some(Setting::Set(shares)) = &self.cpu_shares
            && !CPU_SHARES.contains(shares)
        {
            return Err(Error::parameter("cpu_shares", "takes a number from 2 to 262144 or \"remove\""));
        }
        match self.numa.as_ref().and_then(|numa| numa.vcpu_sched.as_ref()) {
            Some(sched) if !(1..=99).contains(&sched.priority) => {
                Err(Error::parameter("numa.vcpu_sched.priority", "takes 1 to 99"))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a port that is none, and one that is given twice: a host's libvirt gives it to one display.
fn graphics(graphics: &Graphics) -> Result<()> {
    let ports = [
        ("graphics.vnc_port", graphics.vnc_port),
        ("graphics.vnc_websocket", graphics.vnc_websocket),
        ("graphics.spice_port", graphics.spice_port),
        ("graphics.spice_tls_port", graphics.spice_tls_port),
        ("graphics.rdp_port", graphics.rdp_port),
    ];
    if let Some((field, _)) = ports.iter().find(|(_, port)| *port == Some(DisplayPort::Number(0))) {
        return Err(Error::parameter(*field, "is 0"));
    }
    let fixed = |port: &Option<DisplayPort>| matches!(port, Some(DisplayPort::Number(_)));
    for (index, (field, port)) in ports.iter().enumerate().filter(|(_, (_, port))| fixed(port)) {
        if let Some((earlier, _)) = ports[..index].iter().find(|(_, other)| other == port) {
            return Err(Error::parameter(*field, format!("is the same port as {earlier}")));
        }
    }
    Ok(())
}

fn text<'a>(field: &str, values: impl IntoIterator<Item = &'a str>) -> Result<()> {
    for value in values {
        if value.is_empty() {
            return Err(Error::parameter(field, "is empty"));
        }
        if value.chars().any(|character| character.is_control() || !is_allowed(character)) {
            return Err(Error::parameter(field, "has a control character, or what is no character of XML"));
        }
    }
    Ok(())
}

fn distinct<T: Eq + Hash + fmt::Debug>(field: &str, values: impl Iterator<Item = T>) -> Result<()> {
    let mut seen = HashSet::new();
    for value in values {
        if seen.contains(&value) {
            return Err(Error::parameter(field, format!("has {value:?} twice")));
        }
        seen.insert(value);
    }
    Ok(())
}
