//! A retargeting applied to a definition, and to the two that a guest has.

use std::borrow::Cow;

use super::edit::Editor;
use super::identity::domain;
use super::index::Index;
use super::retarget::Retarget;
use super::steps::{Missing, nvdimm_paths};
use super::{XmlError, steps};
use crate::{Error, Result};

/// The document that errors are about: the live definition, or the only one.
const XML: &str = "xml";
/// The other one.
const PERSISTENT: &str = "persistent_xml";

impl Retarget {
    /// The definition `xml` for the destination. What no field names stays, byte for byte.
    ///
    /// # Errors
    /// [`Error::InvalidDomainXml`] if `xml` is no sound `<domain>` document, or an element in it stands against
    /// what is asked; [`Error::InvalidParameter`] if what is asked stands against itself.
    pub fn apply(&self, xml: &str) -> Result<String> {
        self.check()?;
        self.edit(xml, &mut Missing::is_an_error()).map_err(about(XML))
    }

    /// The live definition `xml` and the persistent one for the destination. Each gets what it has of the retargeting:
    /// what is in one of them only, such as a disk that was plugged into the running guest, changes there and is
    /// not missed in the other.
    ///
    /// # Errors
    /// As of [`Retarget::apply`], for each of them; what is named and in neither of them is missing in `xml`.
    pub fn apply_pair(&self, xml: &str, persistent: &str) -> Result<(String, String)> {
        if xml == persistent {
            let both = self.apply(xml)?;
            return Ok((both.clone(), both));
        }
        self.check()?;
        let (for_live, for_kept) = self.each_with_its_nvdimms(xml, persistent)?;
        let (mut live_lacks, mut kept_lacks) = (Missing::may_be_elsewhere(), Missing::may_be_elsewhere());
        let live = for_live.edit(xml, &mut live_lacks).map_err(about(XML))?;
        let kept = for_kept.edit(persistent, &mut kept_lacks).map_err(about(PERSISTENT))?;
        live_lacks.first_of_both(&kept_lacks).map_or(Ok((live, kept)), |error| Err(about(XML)(error)))
    }

    fn edit(&self, xml: &str, missing: &mut Missing) -> Result<String, XmlError> {
        let index = Index::parse(xml)?;
        let mut editor = Editor::new(xml);
        steps::apply(domain(xml, &index)?, self, &mut editor, missing)?;
        editor.finish()
    }

    /// The retargeting for each of two definitions. The paths of `vpmem` are in one definition's order; where the other
    /// has less nvdimms, each of its own is found by the path that it has at the source.
    fn each_with_its_nvdimms(&self, xml: &str, persistent: &str) -> Result<(Cow<'_, Self>, Cow<'_, Self>)> {
        let unchanged = || Cow::Borrowed(self);
        let Some(wanted) = &self.vpmem else { return Ok((unchanged(), unchanged())) };
        let live = nvdimm_paths(xml).map_err(about(XML))?;
        let kept = nvdimm_paths(persistent).map_err(about(PERSISTENT))?;
        let by_path = |own: &[String], all: &[String]| -> Option<Cow<'_, Self>> {
            let place = |path: &String| all.iter().position(|other| other == path);
            let paths = own.iter().map(|path| Some(wanted[place(path)?].clone())).collect::<Option<_>>()?;
            Some(Cow::Owned(Self { vpmem: Some(paths), ..self.clone() }))
        };
        Ok(if live.len() == wanted.len() {
            (unchanged(), by_path(&kept, &live).unwrap_or_else(unchanged))
        } else if kept.len() == wanted.len() {
            (by_path(&live, &kept).unwrap_or_else(unchanged), unchanged())
        } else {
            (unchanged(), unchanged())
        })
    }
}

fn about(context: &str) -> impl Fn(XmlError) -> Error + use<'_> {
    move |source| Error::InvalidDomainXml { context: context.to_owned(), source }
}

/// The text of a definition that comes as bytes, which have to be UTF-8.
pub fn decode<'a>(context: &str, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let sound = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let source = XmlError::at(sound, sound.len(), "bytes that are not UTF-8");
        Error::InvalidDomainXml { context: context.to_owned(), source }
    })
}
