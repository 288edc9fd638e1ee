"""Keeps the passwords in URIs out of what people read. `mask_uris` in src/uri.rs is the same rule."""

from __future__ import annotations

import re

# All of an authority up to its last @, and all of a query, whatever characters they have.
_USER = re.compile(r"(://)[^\s/?#]*@", re.ASCII)
_QUERY = re.compile(r"(://[^\s?]*)\?\S*", re.ASCII)


def mask(text: str) -> str:
    """The text with the user and password of each URI, and its query, left out."""
    return _QUERY.sub(r"\1", _USER.sub(r"\1", text))


def without_excerpt(message: str) -> str:
    """A message of libvirt's without the line of a document that its XML parser quotes at the end."""
    lines = message.rstrip().split("\n")
    return "\n".join(lines[:-2]) if len(lines) > 1 and lines[-1].lstrip("-") == "^" else message
