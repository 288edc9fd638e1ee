//! Paths of files of a host.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::characters::is_allowed;
use super::values::{as_string, shown};

/// The absolute path of a file at a host.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPath(String);

impl HostPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |character: char| character.is_control() || !is_allowed(character);
        if !text.starts_with('/') || text.contains(wrong) {
            return Err(format!("{} is no absolute path", shown(text)));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
as_string!(HostPath);
