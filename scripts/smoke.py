"""Imports the installed package and uses it on libvirt's built-in test driver.

Usage: smoke.py with|without — whether libvirt-python must be installed.
"""

import importlib.util
import sys

import libvirt_migrate
from libvirt_migrate.lab import kernel

expected = sys.argv[1] == "with"
found = importlib.util.find_spec("libvirt") is not None
if expected != found:
    raise SystemExit(f"libvirt-python is {'' if found else 'not '}installed")

guest = libvirt_migrate.Guest.open("test", uri="test:///default")
params = libvirt_migrate.build_migrate_params(guest.xml())
if set(params) != {"destination_xml", "persistent_xml"}:
    raise SystemExit(f"the definitions do not travel together: {list(params)}")

if expected:
    import libvirt

    # Kept by name: a connection that is dropped closes.
    connection = libvirt.open("test:///default")
    shared = libvirt_migrate.Guest(connection.lookupByName("test"))
    if shared.name != guest.name:
        raise SystemExit("a libvirt-python domain is not understood")

if not kernel.SOURCE.joinpath("guest.c").is_file():
    raise SystemExit("the lab's guest is not in the package")

print(f"libvirt_migrate {libvirt_migrate.__version__} works {sys.argv[1]} libvirt-python")
