//! Domain definitions as text: checked, read and edited without ever building a tree.

mod apply;
mod characters;
mod check;
mod cpu_set;
mod device;
mod diff;
mod edit;
mod element;
mod error;
mod identity;
mod index;
mod json;
mod layout;
mod mask;
pub mod retarget;
mod setting;
mod stand_in;
mod steps;
mod tag;
mod targets;
mod unique;
mod values;

pub use apply::decode;
pub use cpu_set::CpuSet;
pub use device::DeviceXml;
pub use diff::{XmlChange, diff_xml};
pub use error::XmlError;
pub use identity::{DomainIdentity, canonical_uuid};
pub use index::{MAX_BYTES, MAX_DEPTH};
pub use retarget::Retarget;
pub use setting::Setting;
pub use stand_in::stand_in;
pub use targets::disk_targets;
pub use values::{MacAddress, PciAddress, Uuid};
