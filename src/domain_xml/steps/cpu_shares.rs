//! The guest's share of CPU time.

use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::{Setting, XmlError};

pub(super) fn apply<'a>(
    domain: Element<'a>,
    wanted: &Setting<u64>,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    let cputune = domain.only("cputune")?;
    let shares = cputune.map_or(Ok(None), |cputune| cputune.only("shares"))?;
    match (wanted, shares) {
        (Setting::Set(value), Some(shares)) => editor.set_text(shares, value.to_string()),
        (Setting::Set(value), None) => {
            editor.append_within(domain, "cputune", format!("<shares>{value}</shares>"))?;
        }
        (Setting::Remove, shares) => {
            if let Some(shares) = shares {
                editor.remove(shares);
            }
            if let Some(cputune) = cputune {
                editor.prune(cputune);
            }
        }
    }
    Ok(())
}
