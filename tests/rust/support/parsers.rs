//! The rules of the other parsers for any input, shared by the fuzz targets and the property tests.

use std::time::Duration;

use libvirt_migrate::domain_xml::Retarget;
use libvirt_migrate::exposure::exposed_to;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, StatValue};
use libvirt_migrate::params::{Param, Value};
use libvirt_migrate::policy::{Context, Sample};
use libvirt_migrate::progress::ProgressTracker;
use libvirt_migrate::uri::{check_uri, mask_uris, scheme, without_secrets};
use libvirt_migrate::{Error, MigrateParams};

/// A retargeting in JSON: refused with a reason, or the same again from what it is written as.
#[allow(dead_code, reason = "each target has one")]
pub fn retarget_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Retarget::from_json(text) {
        Ok(retarget) => {
            assert!(Retarget::from_json(&retarget.to_json()).unwrap() == retarget);
            assert!(Retarget::from_value(retarget.to_value()).unwrap() == retarget);
            assert!(format!("{retarget} {retarget:?}").starts_with("Retarget("));
        }
        Err(Error::InvalidParameter { name, reason }) => assert!(!name.is_empty() && !reason.is_empty()),
        Err(other) => panic!("{other}"),
    }
}

/// A URI, or a text with URIs in it: what is shown has no user, password or query.
#[allow(dead_code, reason = "each target has one")]
pub fn uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_eq!(check_uri("uri", text).is_ok(), scheme(text).is_some());
    let shown = without_secrets(text);
    assert!(!shown.contains('@') && !shown.contains('?') || shown == "?", "{shown}");
    let masked = mask_uris(text);
    assert_eq!(mask_uris(&masked), masked);
    for (at, _) in masked.match_indices("://") {
        let rest = &masked[at + 3..];
        let authority = rest.split(|c: char| " \t\n\u{b}\u{c}\r/?#".contains(c)).next().unwrap();
        assert!(!authority.contains('@'), "{masked}");
    }
}

/// Parameters and statistics in libvirt's types: four bytes of flags, then lines of a type's letter, a name, `=` and
/// a value.
#[allow(dead_code, reason = "each target has one")]
pub fn typed_values(data: &[u8]) {
    let Some((number, text)) = data.split_first_chunk::<4>() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let flags = MigrateFlags::from_number(u32::from_le_bytes(*number).into()).ok();
    let (mut entries, mut info) = (Vec::new(), JobInfo::default());
    for line in text.lines() {
        let mut letters = line.chars();
        let (kind, Some((name, value))) = (letters.next(), letters.as_str().split_once('=')) else {
            continue;
        };
        let number = || value.parse().unwrap_or(value.len() as i128);
        let (value, stat) = match kind {
            Some('i') => (Value::Number(number()), StatValue::Int(number() as i64)),
            Some('u') => (Value::Number(number()), StatValue::UInt(number() as u64)),
            Some('b') => (Value::Number(number() & 1), StatValue::Bool(number() & 1 == 1)),
            Some('d') => (Value::Strings(vec![]), StatValue::Double(number() as f64)),
            Some('l') => (
                Value::Strings(value.split(',').map(str::to_owned).collect()),
                StatValue::String(value.to_owned()),
            ),
            _ => (Value::String(value.to_owned()), StatValue::String(value.to_owned())),
        };
        info.set(name, stat);
        entries.push((name.to_owned(), value));
    }
    assert_eq!(info.clone(), info);
    let sample = Sample::from_job(&info, Duration::from_secs(1), Context::default());
    assert!((0.0..=1.0).contains(&ProgressTracker::new(info.memory_total).observe(&sample).fraction));
    let destination = entries.iter().find_map(|(name, value)| match (name.as_str(), value) {
        ("destination", Value::String(uri)) => Some(uri.clone()),
        _ => None,
    });
    entries.retain(|(name, _)| name != "destination");
    let Ok(params) = MigrateParams::from_names(entries, destination, flags) else { return };
    assert_eq!(params.with(None, None).unwrap(), params);
    assert!([0, 2].contains(&params.definitions().count()), "one definition without the other");
    let mut names: Vec<_> = params.names().collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), params.names().count());
    assert!(params.values().all(|(param, value)| Param::from_name(param.name()) == Some(param) && value.check(param).is_ok()));
    assert!(!format!("{params:?}").is_empty());
    let _ = exposed_to(&params);
}
