//! libvirt's numbers under libvirt's names, without the prefix that all of one kind have in its header.
//!
//! They are written down here and nowhere else: Rust and Python's checks go by these. Pure: the names that the `virt`
//! crate has for them would need libvirt's library, and only a test compares the two.

pub mod calls;
pub mod errors;
pub mod events;
pub mod jobs;
pub mod states;

#[cfg(test)]
mod tests;
