"""Tests that need Nova. They run in a venv that scripts/nova-venv makes: see the Makefile's target `nova`."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Iterator

import pytest

if importlib.util.find_spec("nova.version") is None:
    # Collected by the main run as well, whose environment has no Nova: `make nova` is what runs them.
    collect_ignore_glob = ["*"]
else:
    # Nova reads it when it is first imported, and patches the standard library otherwise.
    os.environ.setdefault("OS_NOVA_DISABLE_EVENTLET_PATCHING", "True")
    with warnings.catch_warnings():
        # Of Nova's dependencies, about each other. Ours stay errors.
        warnings.simplefilter("ignore")
        import libvirt
        import nova.compute.manager
        import nova.virt.libvirt.driver
        import nova.virt.libvirt.guest
        import nova.virt.libvirt.migration
        from nova import objects

        objects.register_all()
    # Before 33 it is None until Nova connects to libvirt, which it does not in these tests.
    for module in (nova.virt.libvirt.driver, nova.virt.libvirt.guest, nova.virt.libvirt.migration):
        module.libvirt = libvirt


@pytest.fixture
def _fast_monitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A monitor that looks at once, by the clock of the course that runs."""
    import libvirt
    from nova.conf import CONF
    from nova.virt.libvirt import guest as nova_guest
    from nova.virt.libvirt import migration as nova_migration

    from libvirt_migrate.nova import monitor, options

    from . import course

    options.register()
    monkeypatch.setattr(monitor, "QUICK", 0.001)
    monkeypatch.setattr(monitor, "SLOW", 0.001)
    monkeypatch.setattr(monitor, "clock", lambda: course.COURSES[-1].now)
    monkeypatch.setattr(nova_guest, "libvirt", libvirt)
    monkeypatch.setattr(nova_migration, "libvirt", libvirt)
    yield
    CONF.clear_override("policy", "libvirt_migrate")
    for name in course.CHANGED:
        CONF.clear_override(name, "libvirt")
