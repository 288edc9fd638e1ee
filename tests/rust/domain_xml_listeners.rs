//! The list of what listens: each kind of device, and what of it does not listen.

use libvirt_migrate::domain_xml::{Listener, Port, Protocol, listeners};
use proptest::prelude::*;

fn all(devices: &str) -> Vec<Listener> {
    listeners(&format!("<domain><name>vm</name><devices>{devices}</devices></domain>")).unwrap()
}

/// Device, kind, attribute, protocol, address, network and port of each listener in one line.
fn lines(devices: &str) -> Vec<String> {
    let line = |found: Listener| {
        let port = match &found.port {
            Port::Chosen => "*".to_owned(),
            Port::Number(number) => number.to_string(),
            Port::Named(name) => name.clone(),
        };
        let address = found.address.as_deref().unwrap_or("-");
        let network = found.network.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let (device, index, kind) = (found.device, found.index, found.kind);
        format!(
            "{device}[{index}] {kind} {} {} {address}{network} {port}",
            found.attribute,
            found.protocol.name()
        )
    };
    all(devices).into_iter().map(line).collect()
}

fn one(devices: &str) -> String {
    let mut found = lines(devices);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn displays() {
    let vnc = "<graphics type='vnc' port='5901' autoport='no' websocket='5701' listen='192.0.2.1'/>";
    assert_eq!(
        lines(vnc),
        ["graphics[0] vnc port tcp 192.0.2.1 5901", "graphics[0] vnc websocket tcp 192.0.2.1 5701"]
    );
    let spice = "<graphics type='spice' port='5900' tlsPort='-1' autoport='no'><listen type='address' address='::'/></graphics>";
    assert_eq!(lines(spice), ["graphics[0] spice port tcp :: 5900", "graphics[0] spice tlsPort tcp :: *"]);
    assert_eq!(one("<graphics type='rdp' port='3389'/>"), "graphics[0] rdp port tcp - 3389");
    for other in ["sdl", "desktop", "egl-headless", "dbus"] {
        assert_eq!(all(&format!("<graphics type='{other}' listen='192.0.2.1'/>")), []);
    }
}

#[test]
fn a_port_that_the_host_has_chosen_is_chosen_again() {
    for (kind, port) in [("vnc", "5901"), ("vnc", "-1"), ("spice", "5901"), ("rdp", "3390"), ("vnc", "0")] {
        let display = format!("<graphics type='{kind}' port='{port}' autoport='yes'/>");
        assert_eq!(one(&display), format!("graphics[0] {kind} port tcp - *"));
    }
    assert_eq!(one("<graphics type='vnc'/>"), "graphics[0] vnc port tcp - *");
    assert_eq!(all("<graphics type='spice'/>"), []);
    assert_eq!(all("<graphics type='vnc' websocket='-1'/>")[1].port, Port::Chosen);
}

#[test]
fn where_a_display_listens() {
    let at = |listen: &str, inner: &str| {
        lines(&format!("<graphics type='vnc' autoport='yes' {listen}>{inner}</graphics>"))
    };
    let found = |place: &str| vec![format!("graphics[0] vnc port tcp {place} *")];
    assert_eq!(at("listen='h'", ""), found("h"));
    assert_eq!(at("listen=''", ""), found("-"));
    assert_eq!(at("listen='h'", "<listen type='address'/>"), found("h"));
    assert_eq!(at("", "<listen type='address' address='h'/>"), found("h"));
    assert_eq!(at("", "<listen type='network' network='net' address='192.0.2.1'/>"), found("- (net)"));
    assert_eq!(at("listen='h'", "<listen type='socket' socket='/s'/>"), [""; 0]);
    assert_eq!(at("", "<listen type='none'/>"), [""; 0]);
    assert_eq!(at("socket='/s'", ""), [""; 0]);
    let two = at("", "<listen type='address' address='a'/><listen type='address' address='b'/>");
    assert_eq!(two.len(), 2);
}

#[test]
fn character_devices() {
    for device in ["serial", "console", "parallel", "channel", "redirdev", "smartcard"] {
        let tcp =
            |mode: &str| format!("<{device} type='tcp'><source {mode} host='h' service='4000'/></{device}>");
        assert_eq!(one(&tcp("mode='bind'")), format!("{device}[0] tcp service tcp h 4000"));
        assert_eq!(all(&tcp("mode='connect'")), []);
        assert_eq!(all(&tcp("")), []);
        let udp = format!(
            "<{device} type='udp'><source mode='bind' host='h' service='4000'/><source mode='connect' host='o' service='1'/></{device}>"
        );
        assert_eq!(one(&udp), format!("{device}[0] udp service udp h 4000"));
        let unix = format!("<{device} type='unix'><source mode='bind' path='/s'/></{device}>");
        assert_eq!(all(&unix), []);
    }
    let rng = "<rng model='virtio'><backend model='egd' type='tcp'><source mode='bind' host='h' service='echo'/></backend></rng>";
    assert_eq!(one(rng), "rng[0] tcp service tcp h echo");
    let everywhere = "<serial type='udp'><source mode='bind'/></serial>";
    assert_eq!(one(everywhere), "serial[0] udp service udp - *");
    let second = "<serial type='pty'/><serial type='tcp'><source mode='bind' host='h' service='1'/></serial>";
    assert_eq!(one(second), "serial[1] tcp service tcp h 1");
}

#[test]
fn interfaces() {
    assert_eq!(
        one("<interface type='server'><source address='h' port='5555'/></interface>"),
        "interface[0] server port tcp h 5555"
    );
    assert_eq!(
        one(
            "<interface type='udp'><source address='o' port='1'><local address='h' port='2'/></source></interface>"
        ),
        "interface[0] udp port udp h 2"
    );
    assert_eq!(
        lines(
            "<interface type='user'><portForward proto='udp' address='h'><range start='7'/><range start='8' end='9'/>\
             <range start='9' exclude='yes'/></portForward></interface>"
        ),
        ["interface[0] user start udp h 7", "interface[0] user start udp h 8-9"]
    );
    assert_eq!(all("<interface type='client'><source address='h' port='5555'/></interface>"), []);
    assert_eq!(all("<interface type='bridge'><source bridge='br0'/></interface>"), []);
}

#[test]
fn what_is_no_definition_is_refused() {
    assert!(listeners("<network/>").is_err());
    assert!(listeners("<domain><devices>").is_err());
}

proptest! {
    #[test]
    fn any_attributes(kind in "vnc|spice|rdp|tcp|udp|unix|", port in "-?[0-9]{0,6}|[a-z]{1,3}", host in "[a-z0-9.:]{0,6}", auto in "yes|no|x") {
        let source = format!("<source mode='bind' host='{host}' service='{port}'/>");
        let devices = format!(
            "<graphics type='{kind}' port='{port}' autoport='{auto}' listen='{host}'/><serial type='{kind}'>{source}</serial>"
        );
        for found in all(&devices) {
            prop_assert!(found.address.is_none_or(|address| address == host && !host.is_empty()));
            if let Port::Number(number) = found.port {
                prop_assert_eq!(port.parse::<i64>().unwrap(), i64::from(number));
                prop_assert!(number > 0);
            }
            prop_assert!([Protocol::Tcp, Protocol::Udp].contains(&found.protocol));
        }
    }
}
