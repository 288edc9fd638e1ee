"""Nova's libvirt driver with live migration by libvirt-migrate.

`compute_driver = libvirt_migrate.LibvirtDriver` has Nova import this module, and importing it is what
installs the overrides. It lives beside Nova's own modules because that is the only place where Nova looks
for a driver.
"""

from libvirt_migrate.nova import install

install()

from nova.virt.libvirt import driver  # noqa: E402  (Nova's driver, with the overrides in place)

LibvirtDriver = driver.LibvirtDriver

__all__ = ["LibvirtDriver"]
