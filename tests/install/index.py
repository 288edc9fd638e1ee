"""An index as pip asks one: a folder with a page for each project, of dist/ and of what that needs."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

#: What the extras bring, for every release's Python: wheels without native code.
PURE = (
    *("rich>=14,<16", "shtab>=1.7,<2", "prometheus-client", "opentelemetry-api"),
    # The last one is pipx's.
    *("setuptools", "wheel", "pip"),
)
#: There are no wheels of it; it is built against the release's libvirt.
FROM_SOURCE = ("libvirt-python",)


def make(dist: Path, folder: Path) -> Path:
    """Makes the index below `folder`, anew; returns its root."""
    files, root = folder / "files", folder / "index"
    shutil.rmtree(root, ignore_errors=True)
    files.mkdir(parents=True, exist_ok=True)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "download",
        "--dest",
        str(files),
    ]
    stamp, wanted = folder / "files.txt", "\n".join((*PURE, *FROM_SOURCE))
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([*pip, "--only-binary", ":all:", *PURE], check=True)
        source = ["--no-deps", "--no-binary", "libvirt-python"]
        subprocess.run([*pip, *source, *FROM_SOURCE], check=True)
        stamp.write_text(wanted)
    for file in (*files.iterdir(), *(path for path in dist.iterdir() if path.suffix in (".whl", ".gz"))):
        # PEP 503's form of a name.
        name = re.sub(r"[-_.]+", "-", re.split(r"-\d", file.name)[0]).lower()
        page = root / "simple" / name
        page.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, page / file.name)
        with (page / "index.html").open("a") as text:
            text.write(f'<a href="{html.escape(file.name)}">{html.escape(file.name)}</a><br>\n')
    return root
