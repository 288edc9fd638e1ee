"""The drop-in for OpenStack Nova: its live-migration path, run by this package.

`compute_driver = libvirt_migrate.LibvirtDriver` in nova.conf switches it on, and taking that line back
switches it off. See docs/nova.md.
"""

from .overrides import install, installed
from .release import UnsupportedNova

__all__ = ["UnsupportedNova", "install", "installed"]
