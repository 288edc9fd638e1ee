"""Definitions made comparable: by what they say, not by how they are laid out."""

from __future__ import annotations

from lxml import etree


def canonical(document: str | etree._Element) -> str:
    """The canonical form (C14N) of a definition, the same for whichever side it comes from.

    White space between elements is dropped. Children are put in the order of their names, those of one name
    in the document's own order: libvirt's schema interleaves the children of an element, so their order
    between names says nothing, and Nova's differs from the guest's wherever it replaces one.
    """
    root = etree.fromstring(document) if isinstance(document, str) else document
    root = etree.fromstring(etree.tostring(root))
    # A list: the order changes underneath.
    for node in list(root.iter()):
        _strip(node)
        node[:] = sorted(node, key=lambda child: str(child.tag))
    return str(etree.tostring(root, method="c14n", with_comments=True), "utf-8").replace("><", ">\n<")


def _strip(node: etree._Element) -> None:
    if node.text is not None and not node.text.strip():
        node.text = None
    if node.tail is not None and not node.tail.strip():
        node.tail = None
