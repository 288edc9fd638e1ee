"""`make demo`, and what `make test` begins with, in a root that has nothing but what debootstrap makes.

    python -m install.fresh RECORD [RELEASE …]      (in tests/)

What is committed is what is tried. Ends with 0 where all passed, 1 where something failed, and 2 where a
root is not to be had.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from distribution.root import Root, root
from distribution.run import Record
from libvirt_migrate.lab import mirror, tools

ROOT = Path(__file__).parents[2]
WORK = ROOT / "target" / "install"
RELEASES = ("trixie", "bookworm")
#: The machine's own certificates: it may have one of its network's.
CERTIFICATES = Path("/etc/ssl/certs")
_BUNDLE = "/mnt/certificates/ca-certificates.crt"
#: Where the checkout is.
_PLACE = "/srv/libvirt-migrate"
#: Each step with whether it has a network. The second of the demo's shows that nothing more is fetched.
STEPS = (
    ("make demo, what it needs", "make optimised", True),
    ("make demo", "ip link set lo up && make demo", False),
    ("make test, what it builds", "make build && cargo test --quiet --no-run", True),
)


def base(release: str) -> Path:
    """The release as debootstrap makes it, and a mirror for apt."""
    folder = WORK / f"fresh-{release}"
    if not folder.exists():
        draft = folder.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        words = ["debootstrap", "--variant=minbase", release, str(draft), mirror.find()]
        with (WORK / f"fresh-{release}.made").open("w") as log:
            subprocess.run(
                words, check=True, stdout=log, stderr=log, env=tools.environment() | mirror.proxies()
            )
        apt = draft / "etc" / "apt" / "apt.conf.d" / "90tried"
        apt.write_text('APT::Sandbox::User "root";\n')
        policy = draft / "usr" / "sbin" / "policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        (draft / "etc" / "hosts").touch()
        draft.rename(folder)
    return folder


def step(here: Root, command: str, folders: dict[str, Path], *, network: bool) -> tuple[int, str]:
    """One command, as a person types it; its exit code and its last line."""
    last = ["nothing"]

    def hear(line: str) -> None:
        last[0] = line or last[0]

    certificates = [f"{name}={_BUNDLE}" for name in ("SSL_CERT_FILE", "PIP_CERT", "CARGO_HTTP_CAINFO")]
    words = ["env", *certificates, "HOME=/root", "CARGO_TERM_COLOR=never", "sh", "-ec", command]
    return here.run(words, folders=folders, hear=hear, network=network), last[0]


def attempt(release: str, checkout: Path, record: Record) -> None:
    """All steps of a release; the first that fails is the last."""
    with root(release, WORK / f"fresh-{release}.log", base(release)) as here:
        here.install(["make"])
        folders = {"certificates": CERTIFICATES, "checkout": checkout}
        step(here, f"cp -r /mnt/checkout {_PLACE}", folders, network=False)
        for name, command, network in STEPS:
            start = time.monotonic()
            code, last = step(here, f"cd {_PLACE} && {command}", folders, network=network)
            row = {"name": name, "result": "fail" if code else "pass", "text": last}
            record.tell(release, row | {"seconds": round(time.monotonic() - start, 1)})
            if code:
                return


def main(arguments: Sequence[str]) -> int:
    """Runs them with each release."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    WORK.mkdir(parents=True, exist_ok=True)
    record, checkout = Record(Path(arguments[0])), WORK / "checkout"
    shutil.rmtree(checkout, ignore_errors=True)
    checkout.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(checkout)], input=archive, check=True)
    for release in arguments[1:] or RELEASES:
        try:
            attempt(release, checkout, record)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            record.tell(release, {"name": "a root", "result": "not run", "text": str(error), "seconds": 0})
    return 1 if "fail" in record.results else 2 if "not run" in record.results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
