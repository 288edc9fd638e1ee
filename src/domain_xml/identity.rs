//! Which domain a definition describes: its name and uuid, read in the pass that checks the document.

use super::XmlError;
use super::element::Element;
use super::index::Index;

/// The parts of a definition that say whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainIdentity {
    /// The text of `<name>`.
    pub name: String,
    /// The text of `<uuid>`, in lower case, where the definition has one.
    pub uuid: Option<String>,
}

impl DomainIdentity {
    /// Checks that `text` is one well-formed `<domain>` document and reads whose it is.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let index = Index::parse(text)?;
        let domain = domain(text, &index)?;
        let name = domain.only("name")?.ok_or_else(|| domain.error("<domain> has no <name>"))?;
        let uuid = domain.only("uuid")?.map(|uuid| uuid.own_text().trim().to_lowercase());
        Ok(Self { name: name.own_text().into_owned(), uuid })
    }
}

/// The root, which has to be a `<domain>`.
pub(super) fn domain<'a>(text: &'a str, index: &'a Index) -> Result<Element<'a>, XmlError> {
    let root = Element::root(text, index);
    match root.name() {
        "domain" => Ok(root),
        other => Err(root.error(format!("the root element is <{other}>, not <domain>"))),
    }
}
