//! The `<driver>` of a disk or an interface: the destination's, but for what the guest sees of it.

use std::collections::BTreeSet;

use super::same;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;

/// Properties of the virtual device, which cannot change under a running guest, and the thread that serves it.
const GUESTS_OWN: [&str; 9] =
    ["queues", "queue_size", "iothread", "iommu", "ats", "packed", "page_per_vq", "event_idx", "ioeventfd"];

/// The same of an interface. Left to the destination are `name` (which of the host's backends it is), `txmode` and
/// `ioeventfd` (which of the host's threads does the work); `<host>` and `<guest>` are offloads that the guest was offered.
const GUESTS_OWN_OF_INTERFACE: [&str; 10] = [
    "queues",
    "rx_queue_size",
    "tx_queue_size",
    "event_idx",
    "rss",
    "rss_hash_report",
    "iommu",
    "ats",
    "packed",
    "page_per_vq",
];
const OFFLOADS: [&str; 2] = ["host", "guest"];

/// What becomes of an interface's `<driver>`.
pub(super) enum Merged {
    /// The guest's own, as it is written.
    Ours,
    /// There is nothing to say.
    Nothing,
    /// Put together of both.
    Text(String),
}

/// The `<driver>` of an interface that is `ours` at the source and `theirs` in the destination's definition.
pub(super) fn of_interface(ours: Option<Element<'_>>, theirs: Option<Element<'_>>) -> Merged {
    let is_own = |name: &str| GUESTS_OWN_OF_INTERFACE.contains(&name);
    let attributes = |element: Option<Element<'_>>, own: bool| -> Vec<String> {
        let all =
            element.into_iter().flat_map(|element| element.attributes().map(move |found| (element, found)));
        let wanted = all.filter(|(_, attribute)| is_own(attribute.name) == own);
        wanted.map(|(element, attribute)| element.document()[attribute.range()].to_owned()).collect()
    };
    let values = |element: Option<Element<'_>>| -> BTreeSet<(String, String)> {
        let all = element.into_iter().flat_map(|element| element.attributes());
        let hosts = all.filter(|attribute| !is_own(attribute.name));
        hosts.map(|attribute| (attribute.name.to_owned(), attribute.value().into_owned())).collect()
    };
    if ours.is_some() && values(ours) == values(theirs) {
        return Merged::Ours;
    }
    let all = [attributes(theirs, false), attributes(ours, true)].concat();
    let offloads =
        ours.into_iter().flat_map(|ours| ours.children()).filter(|child| OFFLOADS.contains(&child.name()));
    let offloads: String = offloads.map(|child| child.source()).collect();
    match (all.is_empty(), offloads.is_empty()) {
        (true, true) => Merged::Nothing,
        (_, true) => Merged::Text(format!("<driver {}/>", all.join(" "))),
        (true, false) => Merged::Text(format!("<driver>{offloads}</driver>")),
        (false, false) => Merged::Text(format!("<driver {}>{offloads}</driver>", all.join(" "))),
    }
}

/// Puts `theirs` in the place of `ours`, with the guest's own properties.
pub(super) fn merge<'a>(ours: Element<'a>, theirs: Element<'a>, editor: &mut Editor<'a>) {
    if same(ours, theirs) {
        return;
    }
    if theirs.children().next().is_none() && ours.children().next().is_none() {
        return attributes(ours, theirs, editor);
    }
    let is_own = |name: &str| GUESTS_OWN.contains(&name);
    let mut text = String::from("<driver");
    let own = ours.attributes().filter(|attribute| is_own(attribute.name));
    let new = theirs.attributes().filter(|attribute| !is_own(attribute.name));
    for (document, attribute) in new
        .map(|attribute| (theirs.document(), attribute))
        .chain(own.map(|attribute| (ours.document(), attribute)))
    {
        text.push(' ');
        text.push_str(&document[attribute.range()]);
    }
    let rest = if theirs.is_one_tag() {
        "/>".to_owned()
    } else {
        let whole = theirs.document();
        format!(">{}", &whole[theirs.content().start..theirs.range().end])
    };
    editor.replace(ours.range(), text + &rest);
}

/// Changes only the attributes that differ.
fn attributes<'a>(ours: Element<'a>, theirs: Element<'a>, editor: &mut Editor<'a>) {
    for attribute in ours.attributes() {
        if !GUESTS_OWN.contains(&attribute.name) && theirs.attr(attribute.name).is_none() {
            editor.remove_attr(ours, attribute.name);
        }
    }
    for attribute in theirs.attributes().filter(|attribute| !GUESTS_OWN.contains(&attribute.name)) {
        editor.set_attr(ours, attribute.name, attribute.value());
    }
}
