"""libvirt's numbers of errors (`VIR_ERR_*`) that the command and the drop-in go by.

In one place, and here: neither may import libvirt-python, which need not be there.
"""

from __future__ import annotations

#: This connection, or this hypervisor, has no such call.
NO_SUPPORT = 3
#: The operation was started and failed.
OPERATION_FAILED = 9
#: The host does not know the domain.
NO_DOMAIN = 42
#: The domain's state does not allow it.
OPERATION_INVALID = 55
#: A lock is held, or an answer did not come in time: nothing is known.
OPERATION_TIMEOUT = 68
#: The hypervisor cannot do that here, or with this guest.
OPERATION_UNSUPPORTED = 84
