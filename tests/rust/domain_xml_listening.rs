//! Everything that listens: the steps change what the list of listeners has, each of it and nothing else.

use crate::support::{apply, changes, refused};
use libvirt_migrate::domain_xml::{Listener, Port, diff_xml, listeners};
use proptest::prelude::*;
use serde_json::{Value, json};

fn domain(devices: &str) -> String {
    format!("<domain><name>vm</name><devices>{devices}</devices></domain>")
}

/// One device of each kind that can listen, and what it takes to do so.
fn device() -> impl Strategy<Value = String> {
    let mode = prop_oneof![Just(" mode='bind'"), Just(" mode='connect'")];
    let kind = prop::sample::select(&["tcp", "udp", "unix", "pty"][..]);
    let name = prop::sample::select(
        &["serial", "console", "parallel", "channel", "redirdev", "smartcard", "rng", "tpm"][..],
    );
    let address = prop::sample::select(&[" ADDRESS='192.0.2.1'", " ADDRESS=''", ""][..]);
    let port = (1000..1010u16).prop_map(|port| format!(" PORT='{port}'"));
    let port = prop_oneof![4 => port, 1 => Just(String::new())];
    let place = (address, port).prop_map(|(address, port)| format!("{address}{port}"));
    let character = (name, kind, mode, place.clone()).prop_map(|(name, kind, mode, place)| {
        let source =
            format!("<source{mode}{}/>", place.replace("ADDRESS", "host").replace("PORT", "service"));
        match name {
            "rng" => format!("<rng><backend type='{kind}'>{source}</backend></rng>"),
            name => format!("<{name} type='{kind}'>{source}</{name}>"),
        }
    });
    let interface = (0..4usize, place.clone()).prop_map(|(which, place)| {
        let written = place.replace("ADDRESS", "address").replace("PORT", "port");
        let range = place.replace(" ADDRESS='192.0.2.1'", "").replace(" ADDRESS=''", "").replace("PORT", "start");
        let address = written.split(" port").next().unwrap_or_default().to_owned();
        match which {
            0 => format!("<interface type='server'><source{written}/></interface>"),
            1 => format!("<interface type='udp'><source address='192.0.2.9' port='7'><local{written}/></source></interface>"),
            2 => format!("<interface type='client'><source{written}/></interface>"),
            _ => format!("<interface type='user'><portForward proto='tcp'{address}><range{range}/>\
                          <range start='1001' exclude='yes'/></portForward></interface>"),
        }
    });
    let display = (prop::sample::select(&["vnc", "spice", "rdp"][..]), 0..3usize, place).prop_map(
        |(kind, which, place)| {
            let port = place.replace(" ADDRESS='192.0.2.1'", "").replace(" ADDRESS=''", "").replace("PORT", "port");
            match which {
                0 => format!("<graphics type='{kind}'{port} listen='192.0.2.1'/>"),
                1 => format!("<graphics type='{kind}'{port}><listen type='address' address='192.0.2.1'/></graphics>"),
                _ => format!("<graphics type='{kind}'{port}><listen type='network' network='n'/><listen type='socket'/></graphics>"),
            }
        },
    );
    prop_oneof![4 => character, 2 => interface, 2 => display]
}

/// The same with the address and the ports that it gets.
fn moved(listener: &Listener) -> Listener {
    let mut wanted = listener.clone();
    wanted.address = wanted.address.map(|_| "2001:db8::1".to_owned());
    if let (Port::Number(port), false) = (&wanted.port, wanted.device == "graphics") {
        wanted.port = Port::Number(port + 20_000);
    }
    wanted
}

proptest! {
    #[test]
    fn the_steps_change_what_is_on_the_list(devices in prop::collection::vec(device(), 0..8)) {
        let xml = domain(&devices.concat());
        let before = listeners(&xml).unwrap();
        let others: Vec<_> = before.iter().filter(|listener| listener.device != "graphics").collect();
        let ports: serde_json::Map<String, Value> = others.iter().filter_map(|listener| match listener.port {
            Port::Number(port) => Some((port.to_string(), (port + 20_000).into())),
            _ => None,
        }).collect();
        let new = "2001:db8::1";
        let displays = json!({"vnc": new, "spice": new, "rdp": new});
        let out = apply(json!({"graphics": displays, "listeners": {"address": new, "ports": ports}}), &xml);
        prop_assert_eq!(listeners(&out).unwrap(), before.iter().map(moved).collect::<Vec<_>>());
        // What is not on the list stays: each change of an address or a port is one of a listener.
        let all = diff_xml(&xml, &out).unwrap();
        let changed = |attributes: &[&str]| all.iter().filter(|change| {
            !change.path.contains("/graphics") && attributes.iter().any(|name| change.path.ends_with(name))
        }).count();
        let addresses = others.iter().filter(|listener| listener.address.is_some()).count();
        prop_assert_eq!(changed(&["/@host", "/@address"]), addresses, "{:?}", all);
        let numbers = others.iter().filter(|listener| matches!(listener.port, Port::Number(_))).count();
        prop_assert_eq!(changed(&["/@service", "/@port", "/@start"]), numbers, "{:?}", all);
    }
}

#[test]
fn ports_are_taken_all_at_once_and_each_must_be_there() {
    let parallel =
        |port: u16| format!("<parallel type='tcp'><source mode='bind' host='' service='{port}'/></parallel>");
    let xml = domain(&[parallel(1), parallel(2), parallel(3)].concat());
    let out = apply(json!({"listeners": {"ports": {"1": 2, "2": 1}}}), &xml);
    assert_eq!(out, domain(&[parallel(2), parallel(1), parallel(3)].concat()));
    let (message, _) = refused(json!({"listeners": {"ports": {"1": 5, "4": 6}}}), &xml);
    assert_eq!(message, "nothing of the guest listens at port 4, which listeners.ports names");
    // What passt hands on goes to where it went.
    let forward = |range: &str| {
        domain(&format!("<interface type='user'><portForward proto='tcp'>{range}</portForward></interface>"))
    };
    let ports = json!({"listeners": {"ports": {"80": 8080}}});
    assert_eq!(
        apply(ports.clone(), &forward("<range start='80'/>")),
        forward("<range start='8080' to='80'/>")
    );
    let all = "<range start='8080' end='8080' to='8'/>";
    assert_eq!(apply(ports, &forward("<range start='80' end='80' to='8'/>")), forward(all));
}

#[test]
fn a_serial_port_takes_what_serial_says_before_the_rest() {
    let port = |kind: &str, host: &str, service: u16| {
        domain(&format!(
            "<serial type='{kind}'><source mode='bind' host='{host}' service='{service}'/>\
                         <target port='0'/></serial>"
        ))
    };
    let both = json!({"serial": {"address": "s"}, "listeners": {"address": "l", "ports": {"1": 2}}});
    for kind in ["tcp", "udp"] {
        assert_eq!(apply(both.clone(), &port(kind, "h", 1)), port(kind, "s", 2));
        assert_eq!(apply(json!({"listeners": {"address": "l"}}), &port(kind, "h", 1)), port(kind, "l", 1));
    }
    let ports = json!({"serial": {"ports": [7]}, "listeners": {"ports": {"1": 2}}});
    assert_eq!(apply(ports.clone(), &port("udp", "h", 1)), port("udp", "h", 2), "serial.ports are TCP's");
    assert!(refused(ports, &port("tcp", "h", 1)).0.contains("both give this device a port"));
    // An interface that is given as a whole says itself where it listens.
    let mac = "52:54:00:00:00:01";
    let server =
        format!("<interface type='server'><mac address='{mac}'/><source address='a' port='1'/></interface>");
    let new = server.replace("'a'", "'b'");
    let wanted = json!({"interfaces": [{"mac": mac, "xml": new}], "listeners": {"address": "l"}});
    assert_eq!(apply(wanted, &domain(&server)), domain(&new));
}

/// A display with these attributes, with a field of `graphics` applied.
fn display(fields: Value, attributes: &str) -> String {
    let out = apply(json!({"graphics": fields}), &domain(&format!("<graphics {attributes}/>")));
    out.split("<graphics ").nth(1).unwrap().split("/>").next().unwrap().to_owned()
}

#[test]
fn ports_of_displays() {
    for kind in ["vnc", "rdp"] {
        let port = |value: Value| json!({format!("{kind}_port"): value});
        let shown = |rest: &str| format!("type='{kind}' {rest}");
        let set = |value: Value, rest: &str| display(port(value), &shown(rest));
        assert_eq!(set(json!(5999), "port='5900' autoport='no'"), shown("port='5999' autoport='no'"));
        assert_eq!(set(json!(5999), "port='5900' autoport='yes'"), shown("port='5999' autoport='no'"));
        assert_eq!(set(json!(5999), "listen='a'"), shown("listen='a' port='5999'"));
        assert_eq!(set(json!("auto"), "port='5900' autoport='no'"), shown("port='-1' autoport='yes'"));
        assert_eq!(set(json!("auto"), "port='5900' autoport='yes'"), shown("port='5900' autoport='yes'"));
    }
    let vnc = "type='vnc' port='5900' autoport='yes'";
    assert_eq!(display(json!({"vnc_websocket": 5700}), vnc), format!("{vnc} websocket='5700'"));
    let both = format!("{vnc} websocket='5701'");
    assert_eq!(display(json!({"vnc_websocket": "auto"}), &both), format!("{vnc} websocket='-1'"));
    let spice = |port: &str, tls: &str, auto: &str| {
        format!("type='spice' port='{port}' tlsPort='{tls}' autoport='{auto}'")
    };
    let chosen = spice("5901", "5902", "yes");
    assert_eq!(display(json!({"spice_port": 6000}), &chosen), spice("6000", "-1", "no"));
    assert_eq!(display(json!({"spice_tls_port": 6000}), &chosen), spice("-1", "6000", "no"));
    assert_eq!(display(json!({"spice_port": "auto", "spice_tls_port": "auto"}), &chosen), chosen);
    let fixed = spice("5901", "5902", "no");
    assert_eq!(
        display(json!({"spice_port": 6000, "spice_tls_port": "auto"}), &fixed),
        spice("6000", "-1", "no")
    );
    assert_eq!(
        display(json!({"spice_port": 6000}), "type='spice' autoport='yes'"),
        "type='spice' autoport='no' port='6000'"
    );
    assert_eq!(display(json!({"rdp": "::1"}), "type='rdp' listen='192.0.2.1'"), "type='rdp' listen='::1'");
}

#[test]
fn a_port_is_of_one_display() {
    let vnc = "<graphics type='vnc' port='1'/>";
    let field = json!({"graphics": {"vnc_port": 5901}});
    let none = "the guest has no vnc display, which graphics.vnc_port is for";
    assert_eq!(refused(field.clone(), &domain("")).0, none);
    assert!(refused(field, &domain(&vnc.repeat(2))).0.starts_with("a second vnc display"));
    let once = domain(vnc);
    let again = apply(json!({"graphics": {"vnc_port": 1}}), &once);
    assert_eq!(changes(&once, &again), [""; 0]);
}
