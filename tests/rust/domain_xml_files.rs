//! The hypervisor's binary and the guest's firmware: files of the host.

use crate::support::{FLAT, NOVA, apply, changes, refused};
use serde_json::{Value, json};

#[test]
fn the_emulator() {
    let out = apply(json!({"emulator": "/usr/libexec/qemu-kvm"}), NOVA);
    assert_eq!(
        changes(NOVA, &out),
        ["/domain/devices/emulator: '/usr/bin/qemu-system-x86_64' -> '/usr/libexec/qemu-kvm'"]
    );
    let out = apply(json!({"emulator": "remove"}), NOVA);
    assert_eq!(out, NOVA.replace("\n    <emulator>/usr/bin/qemu-system-x86_64</emulator>", ""));
    assert!(apply(json!({"emulator": "/a&b"}), FLAT).contains("<emulator>/a&amp;b</emulator></devices>"));
    assert_eq!(apply(json!({"emulator": "remove"}), FLAT), FLAT);
    let none = FLAT.replace("<devices>", "<x>").replace("</devices>", "</x>");
    assert!(
        apply(json!({"emulator": "/q"}), &none)
            .ends_with("<devices><emulator>/q</emulator></devices></domain>")
    );
}

const LOADER: &str = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>";
const NVRAM: &str = "<nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/nvram/vm.fd</nvram>";

fn os(attributes: &str, inside: &str) -> String {
    format!("<domain><name>vm</name><os{attributes}><type>hvm</type>{inside}</os></domain>")
}

fn firmware(fields: Value) -> Value {
    json!({"firmware": fields})
}

#[test]
fn firmware_that_is_named() {
    let xml = os("", &format!("{LOADER}{NVRAM}"));
    let all = firmware(json!({"loader": "/c", "nvram": "/n", "template": "/t"}));
    let out = apply(all.clone(), &xml);
    let new = "<loader readonly='yes' type='pflash'>/c</loader><nvram template='/t'>/n</nvram>";
    assert_eq!(out, os("", new));
    assert_eq!(apply(all, &out), out);
    assert_eq!(apply(firmware(json!({})), &xml), xml);
    // A file in the newer way to write it.
    let newer = |file: &str| os("", &format!("{LOADER}<nvram type='file'><source file='{file}'/></nvram>"));
    assert_eq!(apply(firmware(json!({"nvram": "/n"})), &newer("/old")), newer("/n"));
    let spaced = os("", &LOADER.replace("/usr", "\n /usr").replace(".fd", ".fd\n"));
    let same = firmware(json!({"loader": "/usr/share/OVMF/OVMF_CODE.fd"}));
    assert_eq!(apply(same, &spaced), spaced);
}

#[test]
fn variables_that_have_no_place_yet_get_one() {
    let nvram = firmware(json!({"nvram": "/n"}));
    let made = format!("{LOADER}<nvram>/n</nvram>");
    assert_eq!(apply(nvram.clone(), &os("", LOADER)), os("", &made));
    let both = firmware(json!({"nvram": "/n", "template": "/t"}));
    assert_eq!(apply(both, &os("", LOADER)), os("", &made.replace("<nvram>", "<nvram template='/t'>")));
    let chosen = " firmware='efi'";
    assert_eq!(apply(nvram.clone(), &os(chosen, "")), os(chosen, "<nvram>/n</nvram>"));
    assert_eq!(
        apply(nvram, &os("", &format!("{LOADER}<nvram template='/t'/>"))),
        os("", &made.replace("<nvram>", "<nvram template='/t'>"))
    );
}

#[test]
fn firmware_that_the_guest_does_not_have_is_refused() {
    let fails = |fields: Value, xml: &str, message: &str| {
        let (found, _) = refused(firmware(fields), xml);
        assert!(found.contains(message), "{found}");
    };
    for xml in [os("", ""), os(" firmware='efi'", ""), os(" firmware='efi'", "<loader secure='yes'/>")] {
        fails(json!({"loader": "/c"}), &xml, "no <loader>");
        fails(json!({"template": "/t"}), &xml, "no <nvram>");
    }
    fails(json!({"loader": "/c"}), FLAT, "no <os>");
    fails(json!({"nvram": "/n"}), &os("", ""), "no variables");
    fails(json!({"nvram": "/n"}), &os("", "<loader type='rom'>/bios</loader>"), "no variables");
    fails(json!({"nvram": "/n"}), &os("", &LOADER.replace("type=", "stateless='yes' type=")), "no variables");
    // libvirt chooses the template with the firmware.
    fails(
        json!({"template": "/t"}),
        &os(" firmware='efi'", "<nvram>/n</nvram>"),
        "no <nvram> whose template",
    );
    fails(json!({"nvram": "/n", "template": "/t"}), &os(" firmware='efi'", ""), "no <nvram> whose template");
    let network = "<nvram type='network'><source protocol='nbd' name='x'/></nvram>";
    fails(json!({"nvram": "/n"}), &os("", &format!("{LOADER}{network}")), "is of type \"network\"");
}

#[test]
fn a_persistent_definition_whose_firmware_is_chosen_anew_keeps_that() {
    // A running guest has the names of what was chosen.
    let (live, kept) =
        (os("", &format!("{LOADER}{NVRAM}")), os(" firmware='efi'", "<nvram>/var/nvram/vm.fd</nvram>"));
    let wanted = firmware(json!({"loader": "/c", "nvram": "/n", "template": "/t"}));
    let (out, out_kept) = crate::support::retarget(wanted).apply_pair(&live, &kept).unwrap();
    assert!(out.contains(">/c</loader><nvram template='/t'>/n</nvram>"), "{out}");
    assert_eq!(out_kept, os(" firmware='efi'", "<nvram>/n</nvram>"));
}
