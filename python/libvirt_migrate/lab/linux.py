"""The Linux system of the lab's guests: Debian's cloud kernel, with a file system in memory made here.

It is made once, of Debian packages that apt gets, and kept below `roots()`: a folder for each version of what
it is made of, which nobody changes afterwards.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import tools
from .errors import LabError

SOURCE = Path(__file__).parent / "guest"
#: What is compiled, and what is copied to where.
_PROGRAMS = ("agent", "beat")
_FILES = {"inittab": "etc/inittab", "rc": "etc/rc", "service": "etc/service", "shutdown": "bin/shutdown"}
#: Debian's packages: the kernel's has another name for each version.
_KERNEL = "linux-image-cloud-amd64"
_PACKAGES = ("busybox-static", "qemu-guest-agent")
#: The drivers that are modules in Debian's kernel; what they need comes with them.
_MODULES = (
    *("virtio_pci", "virtio_console", "virtio_blk", "virtio_scsi", "virtio_net", "virtio_balloon"),
    *("virtio_rng", "virtio_input", "virtiofs", "sd_mod", "sr_mod", "isofs", "ata_piix", "evdev", "button"),
    *("efivarfs", "pvpanic-mmio", "virtio_mem", "dm-crypt"),
)  # fmt: skip


@dataclass(frozen=True)
class System:
    """Where the system is."""

    folder: Path

    @property
    def kernel(self) -> Path:
        """The kernel."""
        return self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        """The file system in memory."""
        return self.folder / "initrd"


def roots() -> Path:
    """The folder of all of them: LIBVIRT_MIGRATE_GUESTS, or one below /var/cache."""
    return Path(os.environ.get("LIBVIRT_MIGRATE_GUESTS") or "/var/cache/libvirt-migrate/guests").absolute()


def find() -> System | None:
    """The system of this version, if it has been made."""
    system = System(roots() / f"linux-{_version()}")
    return system if system.folder.is_dir() else None


def make() -> System:
    """The system of this version; it is made if it is not there, which takes some seconds and 60 MiB.

    LabError says what is missing: root, a program, or Debian's packages.
    """
    system = System(roots() / f"linux-{_version()}")
    with _lock(system.folder.name):
        if system.folder.is_dir():
            return system
        tools.check_linux()
        draft = system.folder.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            _build(draft)
            draft.rename(system.folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return system


def _version() -> str:
    """What the system is made of, as one word."""
    digest = hashlib.sha256(repr((_KERNEL, _PACKAGES, _MODULES)).encode())
    sources = [*(f"{name}.c" for name in _PROGRAMS), *_FILES]
    for path in (Path(__file__), *(SOURCE / name for name in sources)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _build(folder: Path) -> None:
    packages, root = folder / "packages", folder / "root"
    packages.mkdir()
    _download(packages)
    for path in packages.glob("*.deb"):
        tools.run(["dpkg-deb", "--extract", str(path), str(packages)])
    for place in ("bin", "dev", "etc", "proc", "sys", "usr/sbin", "usr/bin"):
        (root / place).mkdir(parents=True)
    (root / "sbin").symlink_to("bin")
    busybox = packages / "bin" / "busybox"
    _programs(packages, root)
    release = _modules(packages, root)
    tools.run([str(busybox), "depmod", "-b", str(root), release])
    (packages / "boot" / f"vmlinuz-{release}").rename(folder / "kernel")
    pack = 'cd "$1" && find . | "$2" cpio -o -H newc > "$3"'
    tools.run(["sh", "-c", pack, "sh", str(root), str(busybox), str(folder / "initrd")])
    shutil.rmtree(packages)
    shutil.rmtree(root)


def _download(folder: Path) -> None:
    """Gets the packages; where apt knows none of them it first asks for what there is."""
    names = [*_PACKAGES, _kernel_package() or ""]
    if not names[-1]:
        tools.run(["apt-get", "--quiet", "update"], timeout=300)
        names[-1] = _kernel_package() or ""
        if not names[-1]:
            raise LabError(f"apt has no {_KERNEL}: the lab's Linux guest is made of Debian's amd64 packages")
    get = 'cd "$1" && shift && apt-get --quiet -o APT::Sandbox::User=root download "$@"'
    try:
        tools.run(["sh", "-c", get, "sh", str(folder), *names], timeout=300)
    except LabError:
        # What apt knew of may have been replaced by a newer one.
        tools.run(["apt-get", "--quiet", "update"], timeout=300)
        names[-1] = _kernel_package() or names[-1]
        tools.run(["sh", "-c", get, "sh", str(folder), *names], timeout=300)


def _kernel_package() -> str | None:
    """The package with the newest cloud kernel, if apt knows one."""
    try:
        said = tools.run(["apt-cache", "depends", _KERNEL])
    except LabError:
        return None
    found = re.search(r"Depends: (linux-image-\S+)", said)
    return found[1] if found else None


def _programs(packages: Path, root: Path) -> None:
    for name in _PROGRAMS:
        target = root / "bin" / name
        source = str(SOURCE / f"{name}.c")
        tools.run(["gcc", "-O2", "-Wall", "-Werror", "-static", "-s", "-o", str(target), source])
    for name, place in _FILES.items():
        shutil.copy(SOURCE / name, root / place)
        (root / place).chmod(0o755)
    # Where busybox looks for what the power button is for.
    button = root / "etc" / "acpi" / "PWRF" / "00000080"
    button.parent.mkdir(parents=True)
    button.symlink_to("/bin/shutdown")
    shutil.copy(packages / "bin" / "busybox", root / "bin" / "busybox")
    for applet in tools.run([str(root / "bin" / "busybox"), "--list"]).split():
        path = root / "bin" / applet
        if not path.exists():
            path.symlink_to("busybox")
    (root / "init").symlink_to("bin/busybox")
    agent = packages / "usr" / "sbin" / "qemu-ga"
    shutil.copy(agent, root / "bin" / "qemu-ga")
    for library in _libraries(agent):
        target = root / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)


def _libraries(program: Path) -> Sequence[Path]:
    """The libraries of a program, which are this machine's own; QEMU needs the same ones."""
    said = tools.run(["ldd", str(program)])
    missing = re.findall(r"^\s*(\S+) => not found", said, re.MULTILINE)
    if missing:
        raise LabError(f"qemu-guest-agent needs libraries that are not here: {', '.join(missing)}")
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", said)]


def _modules(packages: Path, root: Path) -> str:
    """Copies the drivers and what they need; returns the kernel's version."""
    (source,) = (packages / "lib" / "modules").iterdir()
    known = {path.stem.replace("-", "_"): path for path in source.rglob("*.ko")}
    target = root / "lib" / "modules" / source.name
    wanted, taken = [name.replace("-", "_") for name in _MODULES], set[str]()
    while wanted:
        name = wanted.pop()
        path = known.get(name)
        # What is no module is in the kernel itself.
        if path is None or name in taken:
            continue
        taken.add(name)
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
        needs = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
        wanted += (needs[1].decode().replace("-", "_").split(",")) if needs else []
    for name in ("modules.order", "modules.builtin"):
        shutil.copy(source / name, target / name)
    (root / "etc" / "modules").write_text("\n".join(_MODULES))
    return source.name


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Held while a system is made, so that two never make the same."""
    try:
        roots().mkdir(parents=True, exist_ok=True)
        file = (roots() / f".{name}.lock").open("w")
    except OSError as error:
        raise LabError(f"{roots()} cannot be written to: {error.strerror}") from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
