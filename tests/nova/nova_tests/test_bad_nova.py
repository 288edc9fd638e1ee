"""A Nova that the drop-in does not fit: nothing is overridden whichever way it is switched on, and each way
says why. The check says the same without a start.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = [pytest.mark.nova, pytest.mark.timeout(900)]

#: How long the Python that each case starts may take: it imports nova-compute, on a machine that may be busy.
PATIENCE = 600

#: What is wrong with Nova, and what is said of it.
DAMAGES = {
    "patched": (
        "from nova.virt.libvirt import migration; del migration.run_tasks",
        "nothing was overridden: there is no nova.virt.libvirt.migration.run_tasks",
    ),
    "half upgraded": (
        # The metadata is of another series than the code.
        "found = metadata.version('nova'); other = '33.0.2' if found.startswith('34.') else '34.0.0'\n"
        "metadata.version = lambda name: other",
        "but not as it was released, and nothing was overridden: ",
    ),
    "unknown": (
        "metadata.version = lambda name: '35.0.0'",
        "libvirt-migrate supports Nova 25 to 34, and this is Nova 35.0.0; "
        "set compute_driver = libvirt.LibvirtDriver to start without it",
    ),
    "not there": (
        "def version(name): raise metadata.PackageNotFoundError(name)\nmetadata.version = version",
        "Nova is not installed in this Python environment",
    ),
}

#: Each way, with what it said and what it ended with; then what is overridden.
CODE = """
import contextlib, io, json, sys
from importlib import metadata
import nova.cmd.compute
from nova import monkey_patch
from nova.compute.manager import ComputeManager
from nova.conf import CONF
from nova.virt import driver as drivers
from nova.virt.libvirt import driver, guest
started = []
nova.cmd.compute.main = lambda: started.append("nova-compute")
{damage}
def attributes():
    owners = (guest, guest.Guest, driver, driver.LibvirtDriver, driver.libvirt_migrate, ComputeManager)
    return {{(owner.__name__, name): id(found) for owner in owners for name, found in vars(owner).items()}}
before = attributes()
from libvirt_migrate.nova import UnsupportedNova, compute, installed
from libvirt_migrate.nova.__main__ import main

def load():
    monkey_patch.patch(backend="threading")
    CONF([], project="nova")
    CONF.set_override("compute_driver", "libvirt_migrate.LibvirtDriver")
    try:
        drivers.load_compute_driver(None)
    except UnsupportedNova as error:
        print(error)
        return 1
    return 0

said = {{}}
for way, arguments, switch in (("check", ["check", "--no-connect"], main), ("driver", [], load),
                               ("command", [], compute.main)):
    sys.argv = [way, *arguments]
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        code = switch()
    same = attributes()
    changed = sorted(".".join(key) for key in before if same.get(key) != before[key])
    said[way] = [code, text.getvalue(), changed, installed()]
print(json.dumps({{"said": said, "started": started}}))
"""


def switch_on(damage: str) -> Any:
    """What each way says in a Python of its own."""
    environment = os.environ | {"OS_NOVA_DISABLE_EVENTLET_PATCHING": "True"}
    command = [sys.executable, "-W", "ignore", "-c", CODE.format(damage=damage)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("damage", DAMAGES)
def test_nothing_is_overridden_and_each_way_says_why(damage: str) -> None:
    code, text = DAMAGES[damage]
    found = switch_on(code)
    assert found["started"] == []
    assert list(found["said"]) == ["check", "driver", "command"]
    for way, (ended, said, changed, installed) in found["said"].items():
        assert ended == 1, way
        assert text in said, way
        assert (changed, installed) == ([], []), way
    assert f"problem: {found['said']['driver'][1].strip()}" in found["said"]["check"][1]
