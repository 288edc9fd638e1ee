"""What a lab can fail with."""

from __future__ import annotations

from ..errors import MigrationError


class LabError(MigrationError):
    """The lab cannot be made, or something in it did not work."""
