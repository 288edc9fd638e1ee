//! `Retarget` as JSON, its rules across fields, and its form for people, without the device definitions.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use serde::Deserialize;
use serde_json::Value;

use super::characters::is_allowed;
use super::retarget::Retarget;
use super::steps;
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

    /// Refuses what no definition can be given: a value that is empty, out of range or there twice.
    pub fn check(&self) -> Result<()> {
        let graphics = self.graphics.as_ref();
        text("graphics.vnc", graphics.and_then(|graphics| graphics.vnc.as_deref()))?;
        text("graphics.spice", graphics.and_then(|graphics| graphics.spice.as_deref()))?;
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
        match self.numa.as_ref().and_then(|numa| numa.vcpu_sched.as_ref()) {
            Some(sched) if !(1..=99).contains(&sched.priority) => {
                Err(Error::parameter("numa.vcpu_sched.priority", "takes 1 to 99"))
            }
            _ => Ok(()),
        }
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
    let single = ["graphics", "serial", "rbd", "memory_backing", "numa"].map(|field| (field, &value[field]));
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
        Some((_, expected)) => format!("takes {}", in_words(expected)),
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
