"""What holds for the drop-in's source as a whole: each line of its log names the instance, each override has
a caller, and nothing of oslo's own is read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nova
import pytest

import libvirt_migrate.nova
from libvirt_migrate.nova import overrides

pytestmark = pytest.mark.nova

SOURCES = sorted(Path(libvirt_migrate.nova.__file__).parent.glob("*.py"))
#: Lines of no instance: what is in force, that a folder cannot be read, and where the metrics are.
OF_NONE = {
    "%s",
    "The journals of live migrations cannot be looked for; nova-compute starts without",
    "Metrics are served at %s, port %d",
    "Metrics cannot be served at %s, port %d: %s",
}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def calls(path: Path) -> Iterator[ast.Call]:
    """Every call in a file."""
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def is_logging(call: ast.Call) -> bool:
    """`LOG.warning(…)`, `logging.getLogger(…).info(…)`, and `log(…)`, whose level was chosen before."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="LOG")) | ast.Name(id="log"):
            return True
        case ast.Attribute(value=ast.Call(func=ast.Attribute(attr="getLogger")), attr=level):
            return level in LEVELS
    return False


def test_every_line_of_the_log_names_the_instance() -> None:
    lines, without = 0, []
    for path in SOURCES:
        for call in filter(is_logging, calls(path)):
            lines += 1
            named = {keyword.arg for keyword in call.keywords} & {"instance", "instance_uuid"}
            if not named and ast.literal_eval(call.args[0]) not in OF_NONE:
                without.append(f"{path.name}:{call.lineno}")
    assert without == []
    # Or nothing was looked at.
    assert lines > 20


def test_every_override_has_a_caller_in_nova() -> None:
    """Beside what defines it; nova.tests calls much that nobody else does."""
    root = Path(nova.__file__).parent
    files = [*root.glob("virt/**/*.py"), *root.glob("compute/**/*.py")]
    text = "\n".join(path.read_text() for path in files)
    for override in overrides.plan():
        assert re.search(rf"[.]{override.name}\b|\b(?<!def )(?<!class ){override.name}\(", text), override


def test_nothing_of_oslos_own_is_read() -> None:
    """An attribute with an underscore is not for others."""
    for path in SOURCES:
        text = path.read_text()
        oslos = set(re.findall(r"^ *from oslo_\w+ import (?:\w+ as )?(\w+)", text, re.M)) | {"CONF", "conf"}
        found = re.findall(rf"\b(?:{'|'.join(oslos)})(?:\.\w+)*\._\w+", text)
        assert found == [], path.name
