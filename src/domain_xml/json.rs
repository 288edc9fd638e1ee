//! `Retarget` as JSON, and its form for people, without the device definitions.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::retarget::Retarget;
use crate::{Error, Result};

impl Retarget {
    /// The retargeting that a JSON document describes; the schema is in `docs/retarget.md`.
    pub fn from_json(text: &str) -> Result<Self> {
        let wrong =
            |error: serde_json::Error| Error::parameter("retarget", without_value(&error.to_string()));
        check_shape(&serde_json::from_str(text).map_err(wrong)?)?;
        // Once more from the text, since a key that is there twice is not in the value any more.
        parse(&mut serde_json::Deserializer::from_str(text))
    }

    /// The retargeting that a JSON value describes.
    pub fn from_value(value: Value) -> Result<Self> {
        check_shape(&value)?;
        parse(value)
    }

    /// The JSON document: only what is given, device definitions included.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// The JSON value.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("only strings and numbers are keys here")
    }
}

fn parse<'de>(deserializer: impl serde::Deserializer<'de>) -> Result<Retarget> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
    let parsed = Retarget::deserialize(tracked).map_err(|error| error.to_string());
    let retarget = parsed.map_err(|error| {
        let path = track.path().to_string();
        let path = path.split('<').next().unwrap_or_default().trim_end_matches('.');
        Error::parameter(if path.is_empty() { "retarget" } else { path }, without_value(&error))
    })?;
    retarget.check()?;
    Ok(retarget)
}

/// Refuses a list where an object belongs, which serde takes as the object's fields in order.
fn check_shape(value: &Value) -> Result<()> {
    let single = ["graphics", "serial", "listeners", "firmware", "rbd", "memory_backing", "numa"]
        .map(|field| (field, &value[field]));
    let lists = [
        ("disks", &value["disks"]),
        ("interfaces", &value["interfaces"]),
        ("rbd.monitors", &value["rbd"]["monitors"]),
    ];
    let items = lists
        .iter()
        .flat_map(|(field, list)| list.as_array().into_iter().flatten().map(|item| (*field, item)));
    let whole = [("retarget", value), ("numa.vcpu_sched", &value["numa"]["vcpu_sched"])];
    match whole.into_iter().chain(single).chain(items).find(|(_, value)| value.is_array()) {
        Some((field, _)) => Err(Error::parameter(field, "takes an object where a list is given")),
        None => Ok(()),
    }
}

/// serde's message without the value that it was about, which can be a definition with passwords.
fn without_value(message: &str) -> String {
    match message.strip_prefix("invalid ").and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((_, expected)) => {
            // In a document, unlike in a value, the place comes behind it.
            let (expected, place) = expected.split_at(expected.find(" at line ").unwrap_or(expected.len()));
            format!("takes {}{place}", in_words(expected))
        }
        None if message.starts_with("unknown variant ") => match message.rsplit_once(", expected ") {
            Some((_, expected)) => format!("takes {expected}"),
            None => "is unknown".to_owned(),
        },
        None if message.starts_with("unknown ") && message.contains('<') => "is unknown".to_owned(),
        None => message.to_owned(),
    }
}

/// What serde expects, without Rust's names of types.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number up to 255",
        "u16" => "a whole number up to 65535",
        "u32" | "u64" => "a whole number",
        "a sequence" => "a list",
        expected if expected.starts_with("struct ") || expected == "a mapping" => "an object",
        expected => expected,
    }
}

impl fmt::Display for Retarget {
    /// Fields and values, with the length in place of each device definition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.to_value();
        mask(&mut value);
        let fields = value.as_object().into_iter().flatten();
        let fields: Vec<_> = fields.map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, "Retarget({})", fields.join(", "))
    }
}

impl fmt::Debug for Retarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(xml) if name == "xml" => *field = format!("<{} bytes>", xml.len()).into(),
                    other => mask(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}
