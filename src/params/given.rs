//! Parameters of a caller that has rules of its own, as Nova's driver does: sent as they are, but for the pair.

use std::sync::Arc;

use super::build::MigrateParams;
use super::definition::Definition;
use super::table::Param;
use super::value::Value;
use crate::flags::MigrateFlags;

impl MigrateParams {
    /// What is given, for a caller that has checked what it wants checked and leaves the rest to libvirt: no text,
    /// flag or combination is looked at, and none is added.
    ///
    /// The rule of the two definitions holds here as well: `destination_xml` is the persistent one too.
    pub fn as_given(
        destination_xml: Option<impl Into<Arc<str>>>,
        values: impl IntoIterator<Item = (Param, Value)>,
        destination: String,
        flags: MigrateFlags,
    ) -> Self {
        let definition = destination_xml.map(Definition::as_given);
        Self::unchecked(definition, values.into_iter().collect(), destination, flags)
    }
}
