//! The rules for any input, shared by the fuzz target and the property tests.
//!
//! The input is a retargeting in JSON, a zero byte and a definition; without the zero byte it is a definition, and the
//! retargeting is one with every step.

use std::sync::LazyLock;

use libvirt_migrate::domain_xml::{Pool, Retarget, Volume, decode, diff_xml, disks, whole_disks};

static EVERY_STEP: LazyLock<Retarget> =
    LazyLock::new(|| Retarget::from_json(include_str!("every-step.json")).unwrap());

/// Panics where a rule is broken.
pub fn check(data: &[u8]) {
    let (given, xml) = match data.iter().position(|&byte| byte == 0) {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (&[][..], data),
    };
    let Ok(xml) = decode("xml", xml) else { return };
    check_disks(xml);
    let parsed = std::str::from_utf8(given).ok().and_then(|json| Retarget::from_json(json).ok());
    let retarget = parsed.as_ref().unwrap_or(&EVERY_STEP);
    if parsed.is_some() {
        let json = retarget.to_json();
        assert!(Retarget::from_json(&json).unwrap() == *retarget, "{json}");
    }
    if Retarget::default().apply(xml).is_ok_and(|same| same != xml) {
        panic!("changed without being asked");
    }
    if let Ok(out) = retarget.apply(xml) {
        diff_xml(xml, &out).expect("what comes out is sound");
        // A map of devices means something else the second time; the one with every step maps to the same.
        if parsed.is_none() {
            assert_eq!(
                retarget.apply(&out).as_deref().ok(),
                Some(out.as_str()),
                "a second time changes nothing"
            );
        }
    }
}

/// Whatever is copied whole stays the same disk, at the same place, and its chain is gone.
fn check_disks(xml: &str) {
    let _ = (Volume::parse(xml), Pool::parse(xml));
    let Ok(found) = disks(xml) else { return };
    let targets: Vec<_> = found.iter().map(|disk| disk.target.as_str()).collect();
    let Ok(whole) = whole_disks(xml, &targets) else { return };
    let left = disks(&whole).expect("what comes out is sound");
    assert_eq!(left.len(), found.len());
    for (mut before, after) in found.into_iter().zip(left) {
        assert_ne!(after.has_backing, Some(true));
        before.has_backing = after.has_backing;
        assert_eq!(before, after);
    }
}
