//! A retargeting applied to a definition.

use super::edit::Editor;
use super::identity::domain;
use super::index::Index;
use super::retarget::Retarget;
use super::{XmlError, steps};
use crate::{Error, Result};

/// The document that errors are about.
const CONTEXT: &str = "xml";

impl Retarget {
    /// The definition `xml` for the destination. What no field names stays, byte for byte.
    ///
    /// # Errors
    /// [`Error::InvalidDomainXml`] if `xml` is no sound `<domain>` document, or an element in it stands against
    /// what is asked; [`Error::InvalidParameter`] if what is asked stands against itself.
    pub fn apply(&self, xml: &str) -> Result<String> {
        self.check()?;
        self.edit(xml).map_err(|source| Error::InvalidDomainXml { context: CONTEXT.to_owned(), source })
    }

    fn edit(&self, xml: &str) -> Result<String, XmlError> {
        let index = Index::parse(xml)?;
        let mut editor = Editor::new(xml);
        steps::apply(domain(xml, &index)?, self, &mut editor)?;
        editor.finish()
    }
}

/// The text of a definition that comes as bytes, which have to be UTF-8.
pub fn decode<'a>(context: &str, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let sound = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let source = XmlError::at(sound, sound.len(), "bytes that are not UTF-8");
        Error::InvalidDomainXml { context: context.to_owned(), source }
    })
}
