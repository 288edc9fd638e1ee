"""Tests that need Nova. They run in a venv that scripts/nova-venv makes: see the Makefile's target `nova`."""

from __future__ import annotations

import importlib.util
import os
import warnings

if importlib.util.find_spec("nova.version") is None:
    # Collected by the main run as well, whose environment has no Nova: `make nova` is what runs them.
    collect_ignore_glob = ["*"]
else:
    # Nova reads it when it is first imported, and patches the standard library otherwise.
    os.environ.setdefault("OS_NOVA_DISABLE_EVENTLET_PATCHING", "True")
    with warnings.catch_warnings():
        # Of Nova's dependencies, about each other. Ours stay errors.
        warnings.simplefilter("ignore")
        import nova.virt.libvirt.driver  # noqa: F401
