//! Interfaces at the destination: connected otherwise, and the same to the guest.

use crate::support::{NOVA, apply, fails, only};
use serde_json::json;

const OVS: &str = "<interface type=\"ethernet\"><mac address=\"FA:16:3E:00:00:0A\"/><model type=\"e1000\"/>\
    <mtu size=\"9000\"/><target dev=\"tapnew\"/><boot order=\"7\"/></interface>";

#[test]
fn interfaces_are_connected_otherwise_and_stay_what_the_guest_sees() {
    let out = apply(json!({"interfaces": [{"mac": "FA:16:3e:00:00:0a", "xml": OVS}]}), NOVA);
    let wanted = "    <interface type=\"ethernet\">\n      <mac address=\"FA:16:3E:00:00:0A\"/>\n      \
        <model type='virtio'/>\n      <mtu size='1450'/>\n      <target dev=\"tapnew\"/>\n      <boot order='2'/>\n      \
        <link state='down'/>\n      <alias name='net0'/>\n      \
        <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n    </interface>\n";
    assert!(out.contains(wanted), "{out}");
    // Without an MTU, a link state, a boot order and an address it gets none.
    let bare = NOVA.replace("<mtu size='1450'/>", "").replace("<boot order='2'/>", "");
    let out = apply(json!({"interfaces": [{"mac": "fa:16:3e:00:00:0a", "xml": OVS}]}), &bare);
    assert!(!out.contains("9000") && !out.contains("order=\"7\""));
    let childless = json!({"interfaces": [{"mac": "fa:16:3e:00:00:0a", "xml": "<interface type='user'/>"}]});
    assert!(
        apply(childless, NOVA).contains("<interface type='user'>\n      <mac address='fa:16:3e:00:00:0a'/>")
    );
    // Entries for what the guest does not have are not used, and an entry without xml keeps.
    only(
        json!({"interfaces": [{"mac": "fa:16:3e:00:00:0a"}, {"mac": "fa:16:3e:00:00:0b", "xml": OVS.replace("0A", "0B")}]}),
        &[],
    );
    let same = NOVA[NOVA.find("<interface").unwrap()..].split_inclusive("</interface>").next().unwrap();
    only(json!({"interfaces": [{"mac": "fa:16:3e:00:00:0a", "xml": same.replace('\'', "\"")}]}), &[]);
}

/// The `<driver>` of an interface that has `ours` at the source and `theirs` in the destination's definition.
fn driver(ours: &str, theirs: &str) -> String {
    let mac = "52:54:00:00:00:01";
    let interface = |driver: &str, kind: &str| {
        format!("<interface type='{kind}'><mac address='{mac}'/>{driver}<target dev='{kind}'/></interface>")
    };
    let xml = format!("<domain><devices>{}</devices></domain>", interface(ours, "bridge"));
    let out = apply(json!({"interfaces": [{"mac": mac, "xml": interface(theirs, "ethernet")}]}), &xml);
    assert!(out.contains("<target dev='ethernet'/>"), "{out}");
    let rest = out.find("<driver").map_or("", |at| &out[at..]);
    rest[..rest.find("<target").or_else(|| rest.find("</interface>")).unwrap_or(0)].to_owned()
}

#[test]
fn the_driver_of_an_interface_is_the_guests_where_the_guest_sees_it() {
    let own = "queues='4' rx_queue_size='512' tx_queue_size='256' event_idx='off' rss='on' rss_hash_report='off' \
               iommu='on' ats='on' packed='off' page_per_vq='on'";
    let offloads = "<host csum='off' mrg_rxbuf='off'/><guest tso4='off'/>";
    assert_eq!(
        driver(
            &format!("<driver name='qemu' txmode='timer' ioeventfd='off' {own}>{offloads}</driver>"),
            "<driver name=\"vhost\" queues='9' packed='on'><host csum='on'/><guest ufo='off'/></driver>"
        ),
        format!("<driver name=\"vhost\" {own}>{offloads}</driver>")
    );
    // What the guest does not have, it does not get.
    assert_eq!(
        driver("", "<driver name='vhost' queues='4'><host csum='off'/></driver>"),
        "<driver name='vhost'/>"
    );
    assert_eq!(driver("", "<driver queues='4'/>"), "");
    assert_eq!(driver("<driver name='qemu'/>", ""), "");
    // What it has, it keeps.
    assert_eq!(driver("<driver name='qemu' queues='4'/>", ""), "<driver queues='4'/>");
    let only = format!("<driver txmode='timer'>{offloads}</driver>");
    assert_eq!(driver(&only, ""), format!("<driver>{offloads}</driver>"));
    // As it is written, where the host's part is the same.
    let kept = "<driver queues = \"4\"  name='vhost'>\n <host/>\n</driver>";
    assert_eq!(driver(kept, "<driver name=\"vhost\" queues='8'/>"), kept);
    let all = "<interface type='bridge'><mac address='52:54:00:00:00:01'/><driver name='vhost' queues='4'/></interface>";
    let same = format!("<domain><devices>{all}</devices></domain>");
    let wanted = json!({"interfaces": [{"mac": "52:54:00:00:00:01", "xml": all.replace("'4'", "'8'")}]});
    assert_eq!(apply(wanted, &same), same);
}

#[test]
fn interfaces_that_are_not_clear_are_refused() {
    let any = json!({"interfaces": [{"mac": "fa:16:3e:00:00:0b"}]});
    fails(any.clone(), NOVA, "fa:16:3e:00:00:0a", "<interface");
    let nameless = NOVA.replace("<mac address='fa:16:3e:00:00:0a'/>", "");
    fails(any.clone(), &nameless, "no <mac", "<interface");
    let twice =
        NOVA.replace("</interface>", "</interface><interface><mac address='FA:16:3e:00:00:0a'/></interface>");
    fails(
        json!({"interfaces": [{"mac": "fa:16:3e:00:00:0a"}]}),
        &twice,
        "a second interface",
        "</interface>",
    );
}
