//! What of a guest listens at addresses of its host: the one list for checks and for retargeting.
//!
//! Sockets of the file system are none of it, and neither is what `<qemu:commandline>` adds, which nobody but QEMU
//! understands.

use super::XmlError;
use super::element::Element;
use super::identity::domain;
use super::index::Index;

/// One socket at which a guest listens on its host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Listener {
    /// The name of the device's element: graphics, serial, channel, …
    pub device: String,
    /// Its place among the guest's devices of this name, from 0.
    pub index: usize,
    /// What kind of device it is: vnc, spice or rdp for displays, else tcp or udp, for interfaces server, udp or user.
    pub kind: String,
    /// The attribute that holds the port: port, tlsPort, websocket or service; for an interface of passt start.
    pub attribute: &'static str,
    /// Of which protocol the port is.
    pub protocol: Protocol,
    /// The address or name; `None` where the host's own settings say, which for all but displays is everywhere.
    pub address: Option<String>,
    /// The virtual network whose address on the host is taken; a guest that starts or arrives looks it up anew.
    pub network: Option<String>,
    /// The port, as far as the definition fixes it.
    pub port: Port,
}

/// Of which protocol a port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The name at the Python surface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A port, as far as the definition fixes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Port {
    /// The host takes one that is free.
    Chosen,
    /// This one.
    Number(u16),
    /// The name of a service, or a range, as it is written.
    Named(String),
}

impl Port {
    fn of(text: &str) -> Self {
        match text.trim().parse::<i64>() {
            Ok(number) if number <= 0 => Self::Chosen,
            Ok(number) => u16::try_from(number).map_or_else(|_| Self::Named(text.to_owned()), Self::Number),
            Err(_) if text.trim().is_empty() => Self::Chosen,
            Err(_) => Self::Named(text.to_owned()),
        }
    }
}

/// The devices that are character devices of the host, each with the elements in which it has its `type` and `<source>`.
const CHARACTER_DEVICES: [(&str, Option<&str>); 7] = [
    ("serial", None),
    ("console", None),
    ("parallel", None),
    ("channel", None),
    ("redirdev", None),
    ("smartcard", None),
    ("rng", Some("backend")),
];

/// Everything in a definition that listens, in the document's order.
///
/// A serial console that libvirt writes twice, as `<serial>` and as `<console>`, is there twice.
pub fn listeners(text: &str) -> Result<Vec<Listener>, XmlError> {
    let index = Index::parse(text)?;
    let devices = domain(text, &index)?.all("devices").flat_map(|devices| devices.children());
    let mut found = Found::default();
    for device in devices {
        found.device(device);
    }
    Ok(found.listeners)
}

#[derive(Default)]
struct Found {
    listeners: Vec<Listener>,
    /// How many devices of each name came before.
    counts: std::collections::HashMap<String, usize>,
}

/// What is the same for all sockets of a device.
struct Device<'a> {
    name: &'a str,
    index: usize,
    kind: String,
}

impl Found {
    fn device(&mut self, element: Element<'_>) {
        let count = self.counts.entry(element.name().to_owned()).or_default();
        let index = *count;
        *count += 1;
        let kind = value(element, "type").unwrap_or_default();
        let device = Device { name: element.name(), index, kind };
        match element.name() {
            "graphics" => self.display(&device, element),
            "interface" => self.interface(&device, element),
            name => {
                let Some((_, inner)) = CHARACTER_DEVICES.iter().find(|(known, _)| *known == name) else {
                    return;
                };
                let places = inner.map_or_else(|| vec![element], |inner| element.all(inner).collect());
                for place in places {
                    let kind = value(place, "type").unwrap_or_default();
                    self.character_device(&Device { kind, ..device }, place);
                }
            }
        }
    }

    fn character_device(&mut self, device: &Device<'_>, place: Element<'_>) {
        let protocol = match device.kind.as_str() {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return,
        };
        // One without a mode connects.
        for source in place.all("source").filter(|source| source.is("mode", "bind")) {
            let port = value(source, "service");
            self.add(device, "service", protocol, Where::at(value(source, "host")), port);
        }
    }

    fn display(&mut self, device: &Device<'_>, display: Element<'_>) {
        let ports = ports(&device.kind, display);
        let old = value(display, "listen");
        let listens: Vec<_> = display.all("listen").collect();
        let mut places = Vec::new();
        if device.kind == "vnc" && display.attr("socket").is_some() {
            return;
        }
        if listens.is_empty() {
            places.push(Where::at(old.clone()));
        }
        for (at, listen) in listens.into_iter().enumerate() {
            match value(listen, "type").as_deref() {
                Some("address") | None => {
                    let address = value(listen, "address");
                    places.push(Where::at(if at == 0 { address.or(old.clone()) } else { address }));
                }
                // The address that is written beside it is the one that the source found.
                Some("network") => {
                    places.push(Where { address: None, network: value(listen, "network") });
                }
                Some(_) => {}
            }
        }
        for place in places {
            for (attribute, port) in &ports {
                let place = Where { address: place.address.clone(), network: place.network.clone() };
                self.add(device, attribute, Protocol::Tcp, place, port.clone());
            }
        }
    }

    fn interface(&mut self, device: &Device<'_>, interface: Element<'_>) {
        match device.kind.as_str() {
            "server" => {
                for source in interface.all("source") {
                    let place = Where::at(value(source, "address"));
                    self.add(device, "port", Protocol::Tcp, place, value(source, "port"));
                }
            }
            "udp" => {
                for local in interface.all("source").flat_map(|source| source.children()) {
                    if local.named("local") {
                        let place = Where::at(value(local, "address"));
                        self.add(device, "port", Protocol::Udp, place, value(local, "port"));
                    }
                }
            }
            "user" | "vhostuser" => self.forwards(device, interface),
            _ => {}
        }
    }

    /// The ports that passt opens for a guest.
    fn forwards(&mut self, device: &Device<'_>, interface: Element<'_>) {
        for forward in interface.all("portForward") {
            let protocol = if forward.is("proto", "udp") { Protocol::Udp } else { Protocol::Tcp };
            let ranges = forward.all("range").filter(|range| !range.is("exclude", "yes"));
            for range in ranges {
                let port = match (value(range, "start"), value(range, "end")) {
                    (Some(start), Some(end)) if start != end => Some(format!("{start}-{end}")),
                    (start, _) => start,
                };
                self.add(device, "start", protocol, Where::at(value(forward, "address")), port);
            }
        }
    }

    fn add(
        &mut self,
        device: &Device<'_>,
        attribute: &'static str,
        protocol: Protocol,
        place: Where,
        port: Option<String>,
    ) {
        self.listeners.push(Listener {
            device: device.name.to_owned(),
            index: device.index,
            kind: device.kind.clone(),
            attribute,
            protocol,
            address: place.address,
            network: place.network,
            port: port.as_deref().map_or(Port::Chosen, Port::of),
        });
    }
}

struct Where {
    address: Option<String>,
    network: Option<String>,
}

impl Where {
    fn at(address: Option<String>) -> Self {
        Self { address: address.filter(|address| !address.is_empty()), network: None }
    }
}

/// The ports of a display that are open, each with its attribute and what is written there, where the host does not
/// choose. A display of another kind has none.
fn ports(kind: &str, display: Element<'_>) -> Vec<(&'static str, Option<String>)> {
    // The port of a running guest is written even where the host has chosen it.
    let chosen = display.is("autoport", "yes");
    let port = value(display, "port").filter(|_| !chosen);
    let open = |name: &'static str| {
        let port = value(display, name).filter(|port| port != "0");
        port.map(|port| (name, Some(port)))
    };
    match kind {
        // A WebSocket port that the host has chosen is written like one that was asked for, and taken for one.
        "vnc" => [Some(("port", port)), open("websocket")].into_iter().flatten().collect(),
        "spice" if chosen => vec![("port", None)],
        "spice" => [open("port"), open("tlsPort")].into_iter().flatten().collect(),
        "rdp" => vec![("port", port)],
        _ => Vec::new(),
    }
}

fn value(element: Element<'_>, name: &str) -> Option<String> {
    element.attr(name).map(|attribute| attribute.value().into_owned())
}
