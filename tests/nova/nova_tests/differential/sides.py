"""Both sides of a comparison, on the same input: Nova's own `_update_*_xml` helpers and our one pass.

The input is Nova's: a definition, a `LibvirtLiveMigrateData`, an instance, and device configurations. Ours
goes through `libvirt_migrate.nova.translate`, so that the translation is compared as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

from lxml import etree
from nova import objects
from nova.virt.libvirt import migration as nova_migration

from libvirt_migrate import Retarget, retarget_xml
from libvirt_migrate.nova import translate

objects.register_all()


@dataclass
class Move:
    """A guest and where it goes."""

    xml: str
    data: Any = field(default_factory=objects.LibvirtLiveMigrateData)
    extra_specs: dict[str, str] = field(default_factory=dict)
    #: The destination's device configurations (`vconfig`), by the serial of the volume and the MAC of the
    #: port.
    volume_configs: dict[str, Any] = field(default_factory=dict)
    vif_configs: dict[str, Any] = field(default_factory=dict)
    new_resources: list[Any] | None = None
    #: Ceph's monitors: hosts and ports.
    monitors: tuple[list[str], list[str]] = ((), ())  # type: ignore[assignment]

    @property
    def instance(self) -> Any:
        """What the code under test reads of an instance."""
        return SimpleNamespace(flavor=SimpleNamespace(extra_specs=self.extra_specs), uuid="an-instance")

    def get_volume_config(self, connection_info: Any, disk_info: Any) -> Any:
        """As the driver's `_get_volume_config` of Nova 34."""
        return self.volume_configs[connection_info["serial"]]

    def get_vif_config(self, vif: Any) -> Any:
        """As the VIF driver's `get_config` with all but the VIF bound."""
        return self.vif_configs[vif["address"].lower()]


@dataclass(frozen=True)
class Step:
    """One step: Nova's helper, which edits a tree, and the fields of ours that it corresponds to."""

    name: str
    nova: Callable[[Any, Move], Any]
    ours: Callable[[Move], dict[str, Any]]


def _cpu_shared_set(document: Any, move: Move) -> Any:
    if not move.data.obj_attr_is_set("dst_cpu_shared_set_info"):
        return document
    if move.data.dst_cpu_shared_set_info:
        return nova_migration._update_cpu_shared_set_xml(document, move.data)
    return nova_migration._remove_cpu_shared_set_xml(document, move.data)


def _numa(document: Any, move: Move) -> Any:
    is_set = move.data.obj_attr_is_set("dst_numa_info")
    return nova_migration._update_numa_xml(document, move.data) if is_set else document


STEPS = (
    Step(
        "graphics",
        lambda doc, move: nova_migration._update_graphics_xml(doc, move.data),
        lambda move: {"graphics": translate.graphics(move.data)},
    ),
    Step(
        "serial",
        lambda doc, move: nova_migration._update_serial_xml(doc, move.data),
        lambda move: {"serial": translate.serial(move.data)},
    ),
    Step(
        "disks",
        lambda doc, move: nova_migration._update_volume_xml(
            doc, move.data, move.instance, move.get_volume_config
        ),
        lambda move: {"disks": translate.disks(move.data, move.instance, move.get_volume_config, move.xml)},
    ),
    Step(
        "rbd",
        lambda doc, move: nova_migration._update_rbd_xml(doc, move.data),
        lambda move: {"rbd": translate.rbd(move.data, move.instance)},
    ),
    Step(
        "interfaces",
        lambda doc, move: nova_migration._update_vif_xml(doc, move.data, move.get_vif_config),
        lambda move: {"interfaces": translate.interfaces(move.data, move.get_vif_config, move.xml)},
    ),
    Step(
        "perf_events",
        lambda doc, move: nova_migration._update_perf_events_xml(doc, move.data),
        lambda move: {"perf_events": translate.perf_events(move.data)},
    ),
    Step(
        "memory_backing",
        lambda doc, move: nova_migration._update_memory_backing_xml(doc, move.data),
        lambda move: {"memory_backing": translate.memory_backing(move.data)},
    ),
    Step(
        "cpu_shares",
        lambda doc, move: nova_migration._update_quota_xml(move.instance, doc),
        lambda move: {"cpu_shares": translate.cpu_shares(move.instance)},
    ),
    Step("vcpu_cpuset", _cpu_shared_set, lambda move: {"vcpu_cpuset": translate.vcpu_cpuset(move.data)}),
    Step(
        "numa",
        _numa,
        lambda move: {"numa": translate.numa(move.data)},
    ),
    Step(
        "mdevs",
        lambda doc, move: nova_migration._update_mdev_xml(doc, move.data.target_mdevs),
        lambda move: {"mdevs": translate.mdevs(move.data)},
    ),
    Step(
        "pci",
        lambda doc, move: nova_migration._update_pci_dev_xml(doc, move.data.pci_dev_map_src_dst),
        lambda move: {"pci": translate.pci(move.data)},
    ),
    Step(
        "vpmem",
        lambda doc, move: nova_migration._update_device_resources_xml(doc, move.new_resources),
        lambda move: {"vpmem": translate.vpmem(move.new_resources)},
    ),
)
BY_NAME = {step.name: step for step in STEPS}


@contextmanager
def _ceph(move: Move) -> Iterator[None]:
    """A Ceph cluster with the monitors of `move`."""
    driver = SimpleNamespace(get_mon_addrs=lambda: move.monitors)
    with mock.patch("nova.storage.rbd_utils.RBDDriver", return_value=driver):
        yield


def nova(name: str, move: Move) -> str:
    """The definition after Nova's helper."""
    with _ceph(move):
        document = BY_NAME[name].nova(etree.fromstring(move.xml), move)
    return str(etree.tostring(document, encoding="unicode"))


def ours(name: str, move: Move) -> str:
    """The definition after our step."""
    with _ceph(move):
        parts = {key: part for key, part in BY_NAME[name].ours(move).items() if part is not None}
    return retarget_xml(move.xml, Retarget(**parts))


def nova_all(move: Move) -> str:
    """The definition after all of Nova's steps, as its driver runs them."""
    guest = SimpleNamespace(get_xml_desc=lambda dump_migratable: move.xml)
    vifs = move.get_vif_config if move.data.obj_attr_is_set("vifs") and move.data.vifs else None
    arguments = (move.instance, guest, move.data, move.get_volume_config, vifs, move.new_resources)
    with _ceph(move):
        return str(nova_migration.get_updated_guest_xml(*arguments))


def ours_all(move: Move) -> str:
    """The definition after all of ours, as the drop-in runs them."""
    vifs = move.get_vif_config if move.data.obj_attr_is_set("vifs") and move.data.vifs else None
    with _ceph(move):
        parts = translate.parts(
            move.xml, move.instance, move.data, move.get_volume_config, vifs, move.new_resources
        )
    return retarget_xml(move.xml, Retarget(**parts))
