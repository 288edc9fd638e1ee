//! Sets of host CPUs or NUMA nodes.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::values::{as_string, shown};

/// A set of host CPUs or NUMA nodes in libvirt's syntax: `0-3,^2,8`. Kept as it was written.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CpuSet(String);

impl CpuSet {
    /// The set in libvirt's syntax.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first number in the set that is `from` or more.
    pub(super) fn first_from(&self, from: u32) -> Option<u32> {
        let (mut excluded, mut ranges) = (HashSet::new(), Vec::new());
        for part in self.0.split(',') {
            match part.strip_prefix('^') {
                Some(part) => excluded.extend(number(part)),
                None => {
                    let (first, last) = part.split_once('-').unwrap_or((part, part));
                    ranges.extend(number(first).zip(number(last)));
                }
            }
        }
        let in_range = |(first, last): &(u32, u32)| {
            (*first.max(&from)..=*last).find(|number| !excluded.contains(number))
        };
        ranges.iter().filter_map(in_range).min()
    }
}

impl FromStr for CpuSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{} is no set of CPUs or nodes; write it like 0-3,^2,8", shown(text));
        let mut included = false;
        for part in text.split(',') {
            let (excluded, part) = part.strip_prefix('^').map_or((false, part), |rest| (true, rest));
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first).ok_or_else(wrong)?, number(last).ok_or_else(wrong)?);
            // libvirt takes a single number after ^ and no descending range.
            if first > last || (excluded && part.contains('-')) {
                return Err(wrong());
            }
            included |= !excluded;
        }
        if included { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }
}

fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
as_string!(CpuSet);
