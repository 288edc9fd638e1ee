"""Fields of Nova's objects, read at a fraction of the price.

`obj_attr_is_set` and the field's own getter take about a microsecond together, and some 20 fields go into a
definition. What they look up is the instance's dictionary, which is looked at here at once, if the
installed oslo.versionedobjects keeps its fields as every release so far has.
"""

from __future__ import annotations

from typing import Any

from nova import objects

#: What oslo.versionedobjects puts before a field's name.
_PREFIX = "_obj_"


def _kept_as_ever() -> bool:
    probe = objects.LibvirtLiveMigrateNUMAInfo(sched_priority=1)
    kept = {name for name in vars(probe) if name.startswith(_PREFIX)}
    return kept == {f"{_PREFIX}sched_priority"} and vars(probe)[f"{_PREFIX}sched_priority"] == 1


_AT_ONCE = _kept_as_ever()


def field(owner: Any, name: str) -> Any:
    """The value of a field; `None` where it is not set."""
    if _AT_ONCE and isinstance(owner, objects.base.NovaObject):
        return vars(owner).get(_PREFIX + name)
    return getattr(owner, name) if owner.obj_attr_is_set(name) else None
