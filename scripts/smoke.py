"""Imports the installed package and uses it on libvirt's built-in test driver.

Usage: smoke.py with|without — whether libvirt-python must be installed.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import libvirt_migrate
from libvirt_migrate.lab import kernel

URI = "test:///default"
expected = sys.argv[1] == "with"
found = importlib.util.find_spec("libvirt") is not None
if expected != found:
    raise SystemExit(f"libvirt-python is {'' if found else 'not '}installed")

if importlib.util.find_spec("nova") is not None:
    raise SystemExit("there is something named nova, which belongs into libvirt-migrate-nova")

guest = libvirt_migrate.Guest.open("test", uri=URI)
params = libvirt_migrate.build_migrate_params(guest.xml())
if set(params) != {"destination_xml", "persistent_xml"}:
    raise SystemExit(f"the definitions do not travel together: {list(params)}")

if expected:
    import libvirt

    # Kept by name: a connection that is dropped closes.
    connection = libvirt.open(URI)
    shared = libvirt_migrate.Guest(connection.lookupByName("test"))
    if shared.name != guest.name:
        raise SystemExit("a libvirt-python domain is not understood")

if not kernel.SOURCE.joinpath("guest.c").is_file():
    raise SystemExit("the lab's guest is not in the package")

# The command, in an environment that has neither rich nor shtab.
command = Path(sys.executable).with_name("libvirt-migrate")
for words, wanted in (
    (["--version"], libvirt_migrate.__version__),
    (["status", "--from", URI], "test  running"),
):
    said = subprocess.run([command, *words], capture_output=True, text=True, check=True, timeout=60).stdout
    if wanted not in said:
        raise SystemExit(f"libvirt-migrate {' '.join(words)} says {said!r}")

print(f"libvirt_migrate {libvirt_migrate.__version__} works {sys.argv[1]} libvirt-python")
