"""`nova.virt.libvirt.migration`: the destination's definition."""

from __future__ import annotations

from typing import Any

from lxml import etree
from nova import exception

from libvirt_migrate import MigrationError, Retarget, retarget_xml

from . import translate


def get_updated_guest_xml(
    instance: Any,
    guest: Any,
    migrate_data: Any,
    get_volume_config: translate.GetConfig,
    get_vif_config: translate.GetConfig | None = None,
    new_resources: Any = None,
) -> str:
    """The guest's definition for the destination, in the text that lxml makes of it, as Nova's is.

    A document that is no `<domain>` has nothing that could be changed, and libvirt says what it thinks of it.
    Raises `nova.exception.MigrationError`, which names the element and its line and column, where the
    definition and `migrate_data` do not fit together.
    """
    xml: str = guest.get_xml_desc(dump_migratable=True)
    try:
        if _root(xml).tag == "domain":
            parts = translate.parts(
                xml, instance, migrate_data, get_volume_config, get_vif_config, new_resources
            )
            xml = retarget_xml(xml, Retarget(**parts))
        text: str = etree.tostring(_root(xml), encoding="unicode")
    except (MigrationError, etree.XMLSyntaxError) as error:
        raise exception.MigrationError(reason=str(error)) from error
    return text


def _root(xml: str) -> Any:
    """The root element. Nothing of a definition needs entities, which can read files."""
    return etree.fromstring(xml, etree.XMLParser(resolve_entities=False))


#: What replaces the functions of the same names of `nova.virt.libvirt.migration`.
FUNCTIONS = (get_updated_guest_xml,)
