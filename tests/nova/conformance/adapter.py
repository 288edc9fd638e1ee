"""Lets Nova's tests reach what the drop-in does not have as Nova has it.

About sixty of Nova's tests hand lxml elements to single `_update_*_xml` helpers. The drop-in does all steps in one
pass over text, so here each helper is one that runs the one step. Nothing of this is in the product.
"""

from __future__ import annotations


def install(policy: str) -> None:
    """Installs the drop-in, and the steps in the place of Nova's helpers."""
    from libvirt_migrate.nova import install as install_drop_in

    install_drop_in()
    from nova.conf import CONF

    CONF.set_default("policy", policy, group="libvirt_migrate")
