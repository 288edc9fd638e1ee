"""A guest that tells its host of its panic, while it moves."""

from __future__ import annotations

import libvirt

from plan.frame import replacing

from .cell import story
from .frame import Stage
from .lifecycle import THEME
from .slow import fast, slowly, until

_PANIC = "(sleep 0.3; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 &"


@story(THEME, "it panics while it moves and tells its host, which is to end it for that")
def panics_and_tells(stage: Stage) -> str:
    stage.start("<panic model='isa'/>", edit=replacing("<devices>", "<on_crash>destroy</on_crash><devices>"))
    migration = slowly(stage)
    stage.run(stage.source, _PANIC)
    until(stage.guest.beats.is_silent, "that it panics")
    fast(migration)
    outcome = migration.result(timeout=120)
    domain = stage.domain(stage.destination)
    # What libvirt has its QEMU do there, whatever the system in it has come to.
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    assert outcome.guest_location == "destination-running", outcome
    stage.guest.beats.forget()
    domain.destroy()
    domain.create()
    stage.guest.beats.wait_for_passes(timeout=300)
    return "libvirt does not see to that while it moves, and has it run there (told: destination-running)"
