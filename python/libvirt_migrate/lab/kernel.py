"""The guest's kernel, built from the source beside this file."""

from __future__ import annotations

from pathlib import Path

from .tools import run

SOURCE = Path(__file__).parent / "guest"


def build(path: Path) -> None:
    """Compiles and links the kernel to `path`: a multiboot image, which QEMU starts without a boot loader."""
    run([
        *("gcc", "-m32", "-O2", "-Wall", "-Werror", "-ffreestanding", "-fno-pic", "-fno-stack-protector"),
        *("-fno-asynchronous-unwind-tables", "-nostdlib", "-static"),
        # One segment for code and data: there is no loader that would protect one from the other.
        *("-Wl,--build-id=none", "-Wl,-z,noexecstack", "-Wl,--omagic", f"-Wl,-T,{SOURCE / 'guest.ld'}"),
        *("-o", str(path), str(SOURCE / "guest.c")),
    ])  # fmt: skip
