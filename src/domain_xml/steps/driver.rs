//! The `<driver>` of a disk: the destination's, but for what the guest sees of it.

use super::same;
use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;

/// Properties of the virtual device, which cannot change under a running guest, and the thread that serves it.
const GUESTS_OWN: [&str; 9] =
    ["queues", "queue_size", "iothread", "iommu", "ats", "packed", "page_per_vq", "event_idx", "ioeventfd"];

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
