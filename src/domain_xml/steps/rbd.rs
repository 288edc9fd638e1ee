//! The Ceph monitors of RBD disks.

use std::collections::HashMap;

use quick_xml::escape::escape;

use super::{Devices, Missing};
use crate::domain_xml::XmlError;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::layout::before;
use crate::domain_xml::retarget::{Monitor, Rbd};

pub(super) fn apply<'a>(
    devices: &Devices<'a>,
    rbd: &Rbd,
    replaced: &[u32],
    editor: &mut Editor<'a>,
    missing: &mut Missing,
) -> Result<(), XmlError> {
    let mut named: Option<HashMap<&str, bool>> =
        rbd.disks.as_ref().map(|disks| disks.iter().map(|disk| (disk.as_str(), false)).collect());
    for disk in devices.disks.iter().copied() {
        let is_replaced = replaced.binary_search(&disk.id()).is_ok();
        let chosen = match &mut named {
            Some(named) => {
                let target = disk.child("target").and_then(|target| target.attr("dev"));
                let found = target.and_then(|dev| named.get_mut(&*dev.value()));
                found.map(|found| *found = true).is_some()
            }
            None => !is_attached(disk) && !is_replaced,
        };
        if !chosen {
            continue;
        }
        disk.only("source")?;
        let mut sources = sources(disk).peekable();
        if named.is_some() {
            if is_replaced {
                return Err(disk.error("rbd.disks names a disk that disks replaces"));
            }
            if sources.peek().is_none() {
                return Err(disk.error("rbd.disks names a disk that is not one of RBD"));
            }
        }
        sources.for_each(|source| set_monitors(source, &rbd.monitors, editor));
    }
    for disk in rbd.disks.iter().flatten() {
        if named.as_ref().is_some_and(|named| !named[disk.as_str()]) {
            missing.add(devices.place(), format!("rbd.disks names {disk:?}, which no disk is"))?;
        }
    }
    Ok(())
}

/// The sources of a disk that are in RBD: its own, those of the images that it is based on, and that of a copy that is
/// made of it.
fn sources<'a>(disk: Element<'a>) -> impl Iterator<Item = Element<'a>> {
    disk.with_descendants().filter(|inner| inner.named("source") && inner.is("protocol", "rbd"))
}

/// Whether it was attached by itself: as a volume, whose monitors its own definition says.
fn is_attached(disk: Element<'_>) -> bool {
    let alias = disk.child("alias").and_then(|alias| alias.attr("name"));
    disk.child("serial").is_some() || alias.is_some_and(|name| name.value().starts_with("ua-"))
}

fn set_monitors<'a>(source: Element<'a>, monitors: &[Monitor], editor: &mut Editor<'a>) {
    let mut wanted = monitors.iter();
    let unchanged = source.all("host").all(|host| wanted.next().is_some_and(|monitor| is(host, monitor)));
    if unchanged && wanted.next().is_none() {
        return;
    }
    let mut hosts = source.all("host");
    let Some(first) = hosts.next() else {
        monitors.iter().for_each(|monitor| editor.append(source, host(monitor)));
        return;
    };
    let text = source.document();
    let space = &text[before(text, first.range().start)];
    editor.replace(first.range(), monitors.iter().map(host).collect::<Vec<_>>().join(space));
    hosts.for_each(|other| editor.remove(other));
}

fn is(host: Element<'_>, monitor: &Monitor) -> bool {
    let port = host.attr("port").map(|port| port.value().into_owned());
    host.is("name", &monitor.host) && port == monitor.port.map(|port| port.to_string())
}

fn host(monitor: &Monitor) -> String {
    let port = monitor.port.map_or(String::new(), |port| format!(" port='{port}'"));
    format!("<host name='{}'{port}/>", escape(&monitor.host))
}
