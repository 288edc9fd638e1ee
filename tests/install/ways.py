"""The ways to install that docs/install.md tells, each with what shows that it works and what takes it away.

Only Python's own library is used here: it is read in roots that have nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

_PYTHON = "python3 -m venv lm"
#: The library, on libvirt's test driver.
_SMOKE = "lm/bin/python -W error /mnt/scripts/smoke.py"
_COMMAND = (
    "$PLACE/libvirt-migrate --version",
    "$PLACE/libvirt-migrate status --from test:///default",
    "$PLACE/libvirt-migrate completion bash | grep -q complete",
)
_MIGRATES = "-B /mnt/install/migration.py"


@dataclass(frozen=True)
class Way:
    """One way: shell commands, run one after the other in an empty folder."""

    name: str
    #: What is documented, word for word.
    commands: tuple[str, ...]
    checks: tuple[str, ...]
    #: What is documented to take it away.
    remove: tuple[str, ...]
    #: What of Debian's packages it takes besides.
    packages: tuple[str, ...] = ()
    #: Where nothing of it may be left afterwards.
    left: tuple[str, ...] = ("lm",)


WAYS = (
    Way(
        "the library, with pip",
        (_PYTHON, "lm/bin/pip install libvirt-migrate"),
        (f"{_SMOKE} without",),
        ("lm/bin/pip uninstall --yes libvirt-migrate",),
        ("python3-venv",),
    ),
    Way(
        "the command, with pip",
        (_PYTHON, "lm/bin/pip install 'libvirt-migrate[cli]'"),
        tuple(line.replace("$PLACE", "lm/bin") for line in _COMMAND),
        ("lm/bin/pip uninstall --yes libvirt-migrate",),
        ("python3-venv",),
    ),
    Way(
        "the command, with pipx",
        ("pipx install 'libvirt-migrate[cli]'",),
        tuple(line.replace("$PLACE", "$HOME/.local/bin") for line in _COMMAND),
        ("pipx uninstall libvirt-migrate",),
        ("pipx",),
        ("$HOME/.local/bin", "$HOME/.local/share/pipx/venvs", "$HOME/.local/pipx/venvs"),
    ),
    Way(
        "the lab, with pip",
        (_PYTHON, "lm/bin/pip install 'libvirt-migrate[lab]'"),
        (f"{_SMOKE} with", f"lm/bin/python {_MIGRATES} lm/bin/libvirt-migrate"),
        ("lm/bin/pip uninstall --yes libvirt-migrate",),
        ("python3-venv", "python3-dev", "gcc", "libc6-dev", "libvirt-dev", "pkg-config"),
    ),
    Way(
        "metrics and spans, with pip",
        (_PYTHON, "lm/bin/pip install 'libvirt-migrate[prometheus,opentelemetry]'"),
        ("lm/bin/python -c 'from libvirt_migrate.observing import metrics, spans; metrics.instrument()'",),
        ("lm/bin/pip uninstall --yes libvirt-migrate",),
        ("python3-venv",),
    ),
    Way(
        "Nova's file, with pip",
        (_PYTHON, "lm/bin/pip install 'libvirt-migrate[nova]'"),
        (
            "lm/bin/python -c 'import importlib.util as u; assert u.find_spec(\"nova\")'",
            "test -f lm/lib/python3*/site-packages/nova/virt/libvirt_migrate/__init__.py",
        ),
        ("lm/bin/pip uninstall --yes libvirt-migrate libvirt-migrate-nova",),
        ("python3-venv",),
    ),
)

#: With the packages that `make deb` makes, in the folder they are in.
PACKAGED = (
    Way(
        "the command, with apt",
        ("apt-get install --yes ./python3-libvirt-migrate_*.deb ./libvirt-migrate_*.deb",),
        (
            "cd / && python3 -W error /mnt/scripts/smoke.py with",
            "libvirt-migrate --version",
            "test -s /usr/share/man/man1/libvirt-migrate.1.gz",
            "test -s /usr/share/bash-completion/completions/libvirt-migrate",
            f"cd / && python3 {_MIGRATES} libvirt-migrate",
        ),
        ("apt-get purge --yes python3-libvirt-migrate libvirt-migrate",),
        ("gcc", "libc6-dev"),
        ("/usr", "/etc"),
    ),
)
