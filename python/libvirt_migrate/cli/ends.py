"""The command's exit codes, one for each kind of end."""


class Exit:
    """Exit codes. Stable: scripts go by them."""

    #: Done: the guest runs at the destination, or the command did what it was asked for.
    DONE = 0
    #: The migration failed and the guest runs at the source; for drain: guests are left.
    FAILED = 1
    #: Nothing was started: bad input, an unknown guest, a host that cannot be reached.
    USAGE = 2
    #: Nothing was started: a check failed.
    CHECK = 3
    #: The migration was cancelled and the guest runs at the source.
    CANCELLED = 4
    #: The guest needs somebody: it is paused or shut off, its post-copy broke, or nobody knows where it is.
    STRANDED = 5
    #: The command was interrupted twice and left the migration running.
    LEFT = 130
    #: The command was terminated and left the migration running.
    TERMINATED = 143
