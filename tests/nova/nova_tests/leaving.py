"""A nova-compute of stand-ins around real Nova objects, that has left a live migration."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest
from nova import context as nova_context
from nova import exception, objects
from nova.compute import utils as compute_utils
from nova.conf import CONF
from nova.virt.libvirt import guest as nova_guest

from libvirt_migrate.nova import adopting, rebuilt
from libvirt_migrate.nova import call as calls
from libvirt_migrate.nova.keeper import Keeper, store
from libvirt_migrate.nova.place import Hosts

UUID = "0b1d3e52-5f5c-4d3b-9d5f-0c7b6a9f0001"
CONTEXT = nova_context.RequestContext("user", "project", is_admin=True)

#: What one look finds: the place, whether this host knows the guest, whether it runs a job.
Look = tuple[str, bool, bool]
SOURCE: Look = ("source-running", True, False)
DESTINATION: Look = ("destination-running", False, False)
RUNS: Look = ("between the hosts", True, True)
UNKNOWN: Look = ("unknown", False, False)
BOTH: Look = ("on both hosts", True, False)


class Scene:
    """The instance, its migration, and what was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *looks: Look) -> None:
        self.looks = deque(looks)
        self.calls: list[Any] = []
        self.faults: list[str] = []
        self.deleted = False
        #: What happens in the place of Nova's steps.
        self.on_post: Callable[[], None] = self._arrive
        self.on_rollback: Callable[[], None] = self._rest
        objects.register_all()
        self.instance = objects.Instance(CONTEXT, id=1, uuid=UUID, host="c1", node="c1", memory_mb=128)
        self.instance.vm_state, self.instance.task_state = "active", "migrating"
        self.migration = objects.Migration(CONTEXT, id=7, uuid=UUID, status="running", dest_compute="c2")
        self.devices: list[Any] = []
        self.compute = SimpleNamespace(
            host="c1",
            rt=SimpleNamespace(compute_nodes={"c1": 1}),
            _post_live_migration_update_host=self._post,
            _rollback_live_migration=self._rollback,
            _revert_allocation=lambda *_: self.calls.append("revert allocation"),
            _reset_live_migration=lambda *_: self._reset(),
            _delete_allocation_after_move=lambda *_: self.calls.append("delete allocation"),
            _is_instance_storage_shared=lambda *_, **__: False,
            update_available_resource=lambda *_: None,
        )
        self.paused: tuple[int, int] = (1, 1)
        self.guest = SimpleNamespace(
            _domain=SimpleNamespace(state=lambda: self.paused),
            resume=lambda: self.calls.append("resume"),
            get_power_state=lambda host: 3,
            sync_guest_time=lambda: None,
        )
        self.driver = SimpleNamespace(
            virtapi=SimpleNamespace(_compute=self.compute),
            active_migrations={UUID: deque()},
            _uri=lambda: "qemu:///system",
            _live_migration_uri=lambda host: f"qemu+tcp://{host}/system",
            _host=SimpleNamespace(get_guest=lambda instance: self.guest),
        )
        self._patch(monkeypatch)

    def _patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(objects.Instance, "save", lambda *_, **__: None)
        monkeypatch.setattr(objects.Instance, "refresh", lambda *_, **__: None)
        monkeypatch.setattr(objects.Migration, "save", lambda *_, **__: None)
        monkeypatch.setattr(objects.Instance, "get_by_uuid", self._get)
        monkeypatch.setattr(objects.Migration, "get_by_id", lambda *_: self.migration)
        monkeypatch.setattr(rebuilt, "migration_of", lambda *_: self.migration)
        monkeypatch.setattr(adopting, "migration_of", lambda *_: self.migration)
        monkeypatch.setattr(
            objects.BlockDeviceMappingList, "get_by_instance_uuid", lambda *_: list(self.devices)
        )
        monkeypatch.setattr(
            compute_utils, "add_instance_fault_from_exc", lambda _c, _i, e, *_: self.faults.append(str(e))
        )
        monkeypatch.setattr(Hosts, "look", lambda _: self.looks[0][0])
        monkeypatch.setattr(adopting.Left, "_here", lambda _: self.looks[0][1:])
        monkeypatch.setattr(adopting, "sleep", self.slept)

    def _get(self, *_: Any, **__: Any) -> Any:
        if self.deleted:
            raise exception.InstanceNotFound(instance_id=UUID)
        return self.instance

    def slept(self, seconds: float) -> None:
        """In place of a sleep: the next look."""
        self.calls.append(seconds)
        assert len(self.calls) < 100, "it does not end"
        if len(self.looks) > 1:
            self.looks.popleft()

    def _post(self, _c: Any, instance: Any, dest: str, block: bool, data: Any, source_bdms: Any) -> None:
        self.calls.append(("post", dest, block, data, source_bdms))
        self.on_post()

    def _rollback(
        self, _c: Any, instance: Any, dest: str, data: Any, migration_status: str, source_bdms: Any
    ) -> None:
        self.calls.append(("rollback", dest, migration_status, data, source_bdms))
        self.on_rollback()

    def _arrive(self) -> None:
        self.instance.host, self.instance.task_state, self.migration.status = "c2", None, "completed"

    def _rest(self) -> None:
        self.instance.task_state, self.migration.status = None, "failed"

    def _reset(self) -> None:
        self.calls.append("reset")
        self.instance.task_state, self.migration.status = None, "error"

    @property
    def steps(self) -> list[Any]:
        """What was called of Nova's, by its name; the status too of a rollback."""
        found = [call for call in self.calls if not isinstance(call, float)]
        return [
            call if isinstance(call, str) else " ".join(call[: 1 if call[0] == "post" else 3 : 2])
            for call in found
        ]

    def keep(self, **fields: Any) -> None:
        """Writes a journal, as before the call."""
        data = objects.LibvirtLiveMigrateData(
            migration=self.migration,
            block_migration=True,
            is_shared_instance_path=False,
            is_shared_block_storage=False,
            graphics_listen_addr_vnc="10.0.0.2",
            target_connect_addr="10.0.0.2",
            serial_listen_ports=[],
        )
        device = objects.BlockDeviceMapping(
            CONTEXT, id=3, connection_info='{"password": "of-a-volume"}', destination_type="volume"
        )
        devices = objects.BlockDeviceMappingList(CONTEXT, objects=[device])
        keeper = Keeper(self.instance)
        post = SimpleNamespace(keywords={"source_bdms": devices})
        keeper.begin(self.driver, "c2", True, data, post)
        assert keeper.journal is not None
        keeper.change(**fields)

    def see_to(self) -> None:
        """A nova-compute is started, and sees to it."""
        adopting.Left(self.driver, self.compute, CONTEXT, UUID, calls.claim(UUID)).see_to()

    @property
    def kept(self) -> list[str]:
        """Of which instances there are journals."""
        return store().instances()


def nova_compute(monkeypatch: pytest.MonkeyPatch, path: Path) -> Iterator[None]:
    """nova-compute's folder and options, for as long as a test takes."""
    from libvirt_migrate.nova import options

    options.register()
    # Before 33 it is None until the first Guest.
    monkeypatch.setattr(nova_guest, "libvirt", libvirt)
    CONF.set_override("state_path", str(path))
    monkeypatch.setattr(adopting, "PATIENCE", 0.0)
    yield
    CONF.clear_override("state_path")
    CONF.clear_override("take_over", "libvirt_migrate")
    calls.release(UUID)
