"""Lets Nova's tests reach what the drop-in does not have as Nova has it.

About sixty of Nova's tests hand lxml elements to single `_update_*_xml` helpers. The drop-in does all steps
in one pass over text, so here each helper runs that one step. Four tests replace the helpers by mocks and
look which are called: those get Nova's own function, which calls the helpers. Nothing of this is in the
product.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lxml import etree
from nova import exception
from nova.virt.libvirt import migration as nova_migration

from libvirt_migrate import MigrationError, Retarget, retarget_xml
from libvirt_migrate.nova import monitor, originals, translate
from libvirt_migrate.nova import overrides as drop_in


def _step(document: Any, **parts: Any) -> Any:
    """The element after the one step that `parts` names."""
    if not isinstance(document, etree._Element):
        # What a helper that is mocked has returned.
        return document
    xml = etree.tostring(document, encoding="unicode")
    given = {name: part for name, part in parts.items() if part is not None}
    try:
        return etree.fromstring(retarget_xml(xml, Retarget(**given)))
    except MigrationError as error:
        # As the drop-in's get_updated_guest_xml.
        raise exception.MigrationError(reason=str(error)) from error


def _volume(document: Any, data: Any, instance: Any, get_volume_config: Any) -> Any:
    xml = etree.tostring(document, encoding="unicode")
    return _step(document, disks=translate.disks(data, instance, get_volume_config, xml))


def _vif(document: Any, data: Any, get_vif_config: Any) -> Any:
    xml = etree.tostring(document, encoding="unicode")
    return _step(document, interfaces=translate.interfaces(data, get_vif_config, xml))


HELPERS: dict[str, Callable[..., Any]] = {
    "_update_graphics_xml": lambda doc, data: _step(doc, graphics=translate.graphics(data)),
    "_update_serial_xml": lambda doc, data: _step(doc, serial=translate.serial(data)),
    "_update_volume_xml": _volume,
    "_update_rbd_xml": lambda doc, data: _step(doc, rbd=translate.rbd(data, None)),
    "_update_perf_events_xml": lambda doc, data: _step(doc, perf_events=translate.perf_events(data)),
    "_update_memory_backing_xml": lambda doc, data: _step(doc, memory_backing=translate.memory_backing(data)),
    "_update_quota_xml": lambda instance, doc: _step(doc, cpu_shares=translate.cpu_shares(instance)),
    "_update_vif_xml": _vif,
    "_update_cpu_shared_set_xml": lambda doc, data: _step(doc, vcpu_cpuset=translate.vcpu_cpuset(data)),
    "_remove_cpu_shared_set_xml": lambda doc, data: _step(doc, vcpu_cpuset="remove"),
    "_update_numa_xml": lambda doc, data: _step(doc, numa=translate.numa(data)),
    "_update_mdev_xml": lambda doc, mapping: _step(doc, mdevs=dict(mapping)),
    "_update_pci_dev_xml": lambda doc, mapping: _step(doc, pci=dict(mapping)),
    "_update_device_resources_xml": lambda doc, resources: _step(doc, vpmem=translate.vpmem(resources)),
}


def install() -> None:
    """Installs the drop-in, and the steps in the place of Nova's helpers."""
    drop_in.install()
    for name, helper in HELPERS.items():
        # Not every release has all of them.
        if hasattr(nova_migration, name):
            setattr(nova_migration, name, helper)
    step_by_step = originals.original(nova_migration, "get_updated_guest_xml")
    in_one_pass = nova_migration.get_updated_guest_xml

    def get_updated_guest_xml(*arguments: Any, **keywords: Any) -> Any:
        # Nova's base class has every patch autospecced, and that makes functions of them.
        mocked = any(
            hasattr(getattr(nova_migration, name, None), "assert_called_once_with") for name in HELPERS
        )
        return (step_by_step if mocked else in_one_pass)(*arguments, **keywords)

    nova_migration.get_updated_guest_xml = get_updated_guest_xml
    # In some tests of Nova 31 nothing ever says that the call has returned.
    monitor.CONFIRM_FOR = 1.0
    # Nova's tests script the wall clock.
    monitor.clock = lambda: time.time()
