"""From options to the command that they ask for."""

from __future__ import annotations

import importlib
import sys

from .ends import Exit
from .errors import UserError, explain, not_here, one_line
from .terminal.output import Output, leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

#: The module of each command; the function has the command's name.
_MODULES = {
    "migrate": "migrate",
    "plan": "plan",
    "status": "status",
    "watch": "running",
    "abort": "running",
    "force_complete": "running",
    "recover": "recover",
    "drain": "drain",
    "undrain": "drain",
    "completion": "completion",
    "help": "help",
}


def dispatch(parsed: argparse.Namespace) -> int:
    """Runs the command. Whatever happens, the answer is one line and an exit code."""
    out = Output(as_json=getattr(parsed, "json", False))
    name = parsed.command.replace("-", "_")
    try:
        if getattr(parsed, "verbose", 0) or getattr(parsed, "log_format", None):
            from .terminal.logs import log

            log(parsed.verbose, parsed.log_format)
        if (limit := getattr(parsed, "connect_timeout", None)) is not None:
            from .hosts import connect_within

            connect_within(limit)
        command = getattr(importlib.import_module(f"{__package__}.commands.{_MODULES[name]}"), name)
        from .options import typed

        asked = typed(parsed)
        if (path := getattr(asked, "metrics_file", None)) is not None:
            from .counted import counted

            with counted(path, out):
                return int(command(asked, out))
        return int(command(asked, out))
    except UserError as error:
        return _refuse(out, error, error.code)
    except KeyboardInterrupt:
        out.event("error", code=Exit.CANCELLED, message="interrupted before anything was started")
        out.warn("interrupted before anything was started; nothing was moved")
        leave(Exit.CANCELLED)
    except ImportError as error:
        return _refuse(out, UserError(not_here(error)), Exit.USAGE)
    except Exception as error:
        from .. import MigrationError

        if isinstance(error, MigrationError):
            return _refuse(out, error, Exit.USAGE)
        # A fault of this program's is still one line; the log has the rest.
        import logging

        logging.getLogger("libvirt_migrate").debug("a fault", exc_info=error)
        what = RuntimeError(f"a fault of libvirt-migrate: {type(error).__name__}: {one_line(str(error))}")
        return _refuse(out, what, Exit.USAGE)


def _refuse(out: Output, error: BaseException, code: int) -> int:
    message = explain(error)
    if out.as_json:
        out.event("error", code=code, message=message)
    else:
        print(f"libvirt-migrate: error: {message}", file=sys.stderr)
    return code
