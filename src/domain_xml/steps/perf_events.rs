//! The performance events that are enabled.

use quick_xml::escape::escape;

use crate::domain_xml::XmlError;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;

pub(super) fn apply<'a>(
    domain: Element<'a>,
    events: &[String],
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    if let Some(perf) = domain.only("perf")? {
        let enabled =
            |event: Element<'_>, name: &String| event.is("name", name) && event.is("enabled", "yes");
        let mut wanted = events.iter();
        let unchanged = perf.all("event").all(|event| wanted.next().is_some_and(|name| enabled(event, name)));
        if unchanged && wanted.next().is_none() {
            return Ok(());
        }
        perf.all("event").for_each(|event| editor.remove(event));
    }
    for name in events {
        editor.append_within(domain, "perf", format!("<event name='{}' enabled='yes'/>", escape(name)))?;
    }
    Ok(())
}
