"""libvirt's numbers that the command and the drop-in go by, under libvirt's names.

The native module has them in one place (src/numbers). libvirt-python, which has them too, need not be there.
"""

from __future__ import annotations

from ._core import _ErrorCode as ErrorCode
from ._core import _JobCode as JobCode
from ._core import _StateCode as StateCode

__all__ = ["ErrorCode", "JobCode", "StateCode"]
