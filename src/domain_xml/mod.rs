//! Domain definitions as text: checked, read and edited without ever building a tree.

mod apply;
mod device;
mod diff;
mod disks;
mod edit;
mod element;
mod error;
mod identity;
mod index;
mod json;
mod layout;
mod listeners;
mod mask;
pub mod retarget;
mod setting;
mod stand_in;
mod steps;
mod storage;
mod tag;
mod unique;
mod values;
mod whole;

pub use apply::decode;
pub use device::DeviceXml;
pub use diff::{XmlChange, diff_xml};
pub use disks::{Disk, disks};
pub use error::XmlError;
pub use identity::DomainIdentity;
pub use index::{MAX_BYTES, MAX_DEPTH};
pub use listeners::{Listener, Port, Protocol, listeners};
pub use retarget::Retarget;
pub use setting::Setting;
pub use stand_in::stand_in;
pub use storage::{Pool, Volume, VolumePlace};
pub use values::{CpuSet, MacAddress, PciAddress, Uuid};
pub use whole::whole_disks;
