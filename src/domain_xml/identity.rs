//! Which domain a definition describes: its name and uuid, read in the pass that checks the document.

use super::element::Element;
use super::index::Index;
use super::{Uuid, XmlError};

/// The parts of a definition that say whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainIdentity {
    /// The text of `<name>`.
    pub name: String,
    /// The `<uuid>`, as [`canonical_uuid`] writes it, where the definition has one.
    pub uuid: Option<String>,
}

impl DomainIdentity {
    /// Checks that `text` is one well-formed `<domain>` document and reads whose it is.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let index = Index::parse(text)?;
        let domain = domain(text, &index)?;
        let name = domain.only("name")?.ok_or_else(|| domain.error("<domain> has no <name>"))?;
        let uuid = domain.only("uuid")?.map(|uuid| canonical_uuid(&uuid.own_text()));
        Ok(Self { name: name.own_text().into_owned(), uuid })
    }
}

/// A uuid as libvirt writes it, in lower case and with four hyphens; libvirt reads other spellings as well. A text that
/// is no uuid only loses its upper case and the white space around it.
pub fn canonical_uuid(text: &str) -> String {
    let text = text.trim();
    text.parse::<Uuid>().map_or_else(|_| text.to_lowercase(), |uuid| uuid.to_string())
}

/// The root, which has to be a `<domain>`.
pub(super) fn domain<'a>(text: &'a str, index: &'a Index) -> Result<Element<'a>, XmlError> {
    let root = Element::root(text, index);
    match root.name() {
        "domain" => Ok(root),
        other => Err(root.error(format!("the root element is <{other}>, not <domain>"))),
    }
}
