//! Domain definitions as text: checked, read and edited without ever building a tree.

mod device;
mod element;
mod error;
mod identity;
mod index;
mod json;
pub mod retarget;
mod tag;
mod targets;
mod unique;
mod values;

pub use device::DeviceXml;
pub use error::XmlError;
pub use identity::DomainIdentity;
pub use index::{MAX_BYTES, MAX_DEPTH};
pub use retarget::Retarget;
pub use targets::disk_targets;
pub use values::{CpuSet, MacAddress, PciAddress, Setting, Uuid};
