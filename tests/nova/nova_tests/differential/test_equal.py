"""Where Nova is right, our definition is Nova's: over generated guests, each step and all at once."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..canonical import canonical
from ..guest_xml import Guest, graphics
from .sides import BY_NAME, Move, nova, nova_all, ours, ours_all
from .strategies import DRAWS, moves

pytestmark = pytest.mark.nova

GENERATED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", BY_NAME)
@GENERATED
@given(data=st.data())
def test_a_step(name: str, data: st.DataObject) -> None:
    move: Move = data.draw(moves(name))
    if name == "vpmem" and not move.new_resources:
        # Nova's driver calls the helper only where there is something new.
        return
    assert canonical(ours(name, move)) == canonical(nova(name, move))


@settings(GENERATED, max_examples=40)
@given(move=moves(*DRAWS))
def test_all_steps(move: Move) -> None:
    assert canonical(ours_all(move)) == canonical(nova_all(move))


@pytest.mark.parametrize("address", ["::", "0.0.0.0"])  # noqa: S104
def test_every_address(address: str) -> None:
    """Both count as false with netaddr, and are addresses to listen on."""
    guest = Guest(vcpus=1)
    guest.devices.append(graphics("vnc", [{"type": "address", "address": "192.0.2.1"}], "192.0.2.1"))
    move = Move(guest.xml())
    move.data.graphics_listen_addr_vnc = address
    move.data.serial_listen_addr = address
    assert f"'{address}'" in ours("graphics", move).replace('"', "'")
    assert canonical(ours("graphics", move)) == canonical(nova("graphics", move))


def test_the_comparison_sees_a_difference() -> None:
    """A canonical form that made everything equal would let all of the above pass."""
    one = "<domain><devices>\n  <disk type='file'/>  </devices></domain>"
    assert canonical(one) == canonical("<domain><devices><disk type='file'></disk></devices></domain>")
    assert canonical(one) != canonical(one.replace("file", "block"))
    assert canonical(one) != canonical(one.replace("disk", "disc"))
    assert canonical("<a><b x='1'/><b x='2'/></a>") != canonical("<a><b x='2'/><b x='1'/></a>")
