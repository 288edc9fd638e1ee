"""A few commands of TPM 2.0, as bytes for the guest's /dev/tpmrm0: it has no tools for them."""

from __future__ import annotations

import struct

#: The algorithms and handles of the specification that are used here.
_ECC, _KEYEDHASH, _SHA256, _AES, _CFB, _NULL, _P256 = 0x23, 0x08, 0x0B, 0x06, 0x43, 0x10, 0x03
_OWNER, _PASSWORD = 0x40000001, 0x40000009
#: How the kernel's resource manager numbers what a session has loaded.
PRIMARY, LOADED = 0x80FFFFFF, 0x80FFFFFE


def _sized(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def _command(code: int, handle: int, parameters: bytes) -> bytes:
    """A command with an empty password."""
    session = struct.pack("!IHBH", _PASSWORD, 0, 0, 0)
    body = struct.pack("!II", handle, len(session)) + session + parameters
    return struct.pack("!HII", 0x8002, 10 + len(body), code) + body


def _creation(sensitive: bytes, public: bytes) -> bytes:
    secret = _sized(_sized(b"") + _sized(sensitive))
    return secret + _sized(public) + _sized(b"") + struct.pack("!I", 0)


def create_primary() -> bytes:
    """Makes the storage key that a TPM makes the same each time, as long as it has the same seed."""
    kind = struct.pack("!HHI", _ECC, _SHA256, 0x30072) + _sized(b"")
    kind += struct.pack("!HHHHHH", _AES, 128, _CFB, _NULL, _P256, _NULL) + _sized(b"") * 2
    return _command(0x131, _OWNER, _creation(b"", kind))


def seal(secret: bytes) -> bytes:
    """Seals a secret under that key; the answer has what `load` needs."""
    kind = (
        struct.pack("!HHI", _KEYEDHASH, _SHA256, 0x52) + _sized(b"") + struct.pack("!H", _NULL) + _sized(b"")
    )
    return _command(0x153, PRIMARY, _creation(secret, kind))


def load(sealed: bytes) -> bytes:
    """Loads what `seal` has answered."""
    at = 14
    parts = b""
    for _ in range(2):
        (length,) = struct.unpack_from("!H", sealed, at)
        parts += sealed[at : at + 2 + length]
        at += 2 + length
    return _command(0x157, PRIMARY, parts)


def unseal() -> bytes:
    """Opens what was loaded."""
    return _command(0x15E, LOADED, b"")


def secret(unsealed: bytes) -> bytes:
    """What was sealed, of the answer to `unseal`."""
    (length,) = struct.unpack_from("!H", unsealed, 14)
    return unsealed[16 : 16 + length]


def script(*commands: bytes) -> str:
    """What has the guest's shell send commands in one session, and write the answers, one a line."""
    lines = ["exec 3<>/dev/tpmrm0"]
    for command in commands:
        text = "".join(f"\\x{byte:02x}" for byte in command)
        lines.append(f"printf '{text}' >&3; dd bs=4096 count=1 <&3 2>/dev/null | xxd -p | tr -d '\\n'; echo")
    return "\n".join(lines)


def answers(text: str) -> list[bytes]:
    """The answers, of which none may be an error."""
    found = [bytes.fromhex(line) for line in text.split()]
    for answer in found:
        (code,) = struct.unpack_from("!I", answer, 6)
        assert code == 0, f"the TPM answers {code:#x}"
    return found
