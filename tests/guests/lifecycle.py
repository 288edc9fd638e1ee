"""What a guest is when it is moved, and what happens to it while it moves."""

from __future__ import annotations

import libvirt

from helpers.lab_moves import params_for
from libvirt_migrate import Guest, LibvirtError
from libvirt_migrate.lab import Host

from .cell import cell, story
from .frame import Stage
from .judge import move
from .slow import defined, ends, fast, slowly, told, until

THEME = "What it is, and what happens while it moves"


@cell(THEME, "paused")
def paused(stage: Stage) -> None:
    domain = stage.start()
    domain.suspend()
    stage.paused = True

    def check(host: Host) -> None:
        """It goes on where it was, and is paused again for the next move."""
        stage.domain(host).resume()
        stage.guest.beats.wait_for_passes(2, timeout=60)
        assert stage.guest.beats.is_intact()
        stage.run(host, "true")
        stage.domain(host).suspend()

    stage.checks.append(check)
    stage.checks_restarted = []


@cell(THEME, "transient, which is persistent afterwards")
def transient(stage: Stage) -> None:
    stage.start(transient=True)


@cell(THEME, "a name that is odd")
def odd_name(stage: Stage) -> None:
    stage.name = "gäst «1» of: 2, it's"
    stage.start(edit=lambda xml: xml)


@story(THEME, "it reboots while it moves")
def reboots(stage: Stage) -> str:
    stage.start()
    migration = slowly(stage)
    ask = "cat /proc/sys/kernel/random/boot_id"
    before = stage.run(stage.source, f"{ask}; (sleep 0.3; reboot -f) >/dev/null 2>&1 &")
    # It says nothing for the seconds in which it comes up.
    until(stage.guest.beats.is_silent, "that it reboots")
    fast(migration)
    outcome = migration.result(timeout=120)
    assert outcome.guest_location == "destination-running", outcome
    stage.guest.beats.forget()
    stage.guest.beats.wait_for_passes(timeout=300)
    assert stage.run(stage.destination, ask) != before
    assert stage.guest.beats.is_intact()
    move(stage, stage.destination, stage.source)
    return "it comes up at the destination, and can be moved back"


@story(THEME, "it powers itself off while it moves")
def powers_off(stage: Stage) -> str:
    stage.start()
    said = ends(stage, lambda: stage.run(stage.source, "(sleep 0.3; poweroff -f) >/dev/null 2>&1 &"))
    return f"told: {said}; it starts there and moves"


@story(THEME, "it shuts down in order while it moves")
def shuts_down(stage: Stage) -> str:
    stage.start()
    said = ends(stage, lambda: stage.run(stage.source, "(sleep 0.3; poweroff) >/dev/null 2>&1 &"))
    return f"told: {said}; it starts there and moves"


@story(THEME, "its power button is pressed while it moves (virsh shutdown)")
def power_button(stage: Stage) -> str:
    stage.start()
    migration = slowly(stage)
    try:
        stage.domain(stage.source).shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
    except libvirt.libvirtError as error:
        said = str(error)
    else:
        raise AssertionError("libvirt presses it while a guest moves")
    fast(migration)
    assert migration.result(timeout=120).guest_location == "destination-running"
    return f"libvirt does not do it ({told(said, stage)}), and it moves"


@story(THEME, "it panics while it moves")
def panics(stage: Stage) -> str:
    stage.start()
    migration = slowly(stage)
    stage.run(stage.source, "(sleep 0.3; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 &")
    until(stage.guest.beats.is_silent, "that it panics")
    fast(migration)
    outcome = migration.result(timeout=120)
    domain = stage.domain(stage.destination)
    state, reason = domain.state()
    names = {
        libvirt.VIR_DOMAIN_RUNNING: "destination-running",
        libvirt.VIR_DOMAIN_PAUSED: "destination-paused",
    }
    assert outcome.guest_location == names[state], (outcome, state, reason)
    assert not defined(stage, stage.source)
    stage.guest.beats.forget()
    domain.destroy()
    domain.create()
    stage.guest.beats.wait_for_passes(timeout=300)
    return f"libvirt moves it as it is (told: {outcome.guest_location}); its next start there works"


@story(THEME, "it is destroyed while it moves")
def destroyed(stage: Stage) -> str:
    stage.start()
    said = ends(stage, lambda: stage.domain(stage.source).destroy())
    return f"told: {said}; it starts there and moves"


@story(THEME, "it is suspended while it moves")
def suspended(stage: Stage) -> str:
    stage.start()
    migration = slowly(stage)
    stage.domain(stage.source).suspend()
    fast(migration)
    outcome = migration.result(timeout=120)
    state, _ = stage.domain(stage.destination).state()
    paused = state == libvirt.VIR_DOMAIN_PAUSED
    assert outcome.guest_location == f"destination-{'paused' if paused else 'running'}", (outcome, state)
    if paused:
        stage.domain(stage.destination).resume()
    stage.guest.beats.wait_for_passes(2, timeout=60)
    assert stage.guest.beats.is_intact()
    runs = (
        "it goes on there when it is resumed"
        if paused
        else "libvirt has it run there, though nobody resumed it"
    )
    return f"told as {outcome.guest_location}, which is true: {runs}"


@story(THEME, "a device is plugged in while it moves")
def plugged_while_it_moves(stage: Stage) -> str:
    domain = stage.start()
    migration = slowly(stage)
    xml = "<interface type='bridge'><source bridge='guests'/><model type='virtio'/></interface>"
    try:
        domain.attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    except libvirt.libvirtError as error:
        said = str(error)
    else:
        raise AssertionError("libvirt plugs devices in while a guest moves")
    fast(migration)
    assert migration.result(timeout=120).guest_location == "destination-running"
    return f"libvirt refuses that ({told(said, stage)}), and it moves"


@story(THEME, "another migration of it is started while it moves")
def again_while_it_moves(stage: Stage) -> str:
    stage.start()
    migration = slowly(stage)
    try:
        Guest(stage.domain(stage.source)).migrate(params_for(stage.guest, stage.hosts))
    except LibvirtError as error:
        said = str(error)
    else:
        raise AssertionError("moved twice")
    fast(migration)
    assert migration.result(timeout=120).guest_location == "destination-running"
    return f"the second one is refused ({told(said, stage)}), the first one moves it"


@story(THEME, "there and back five times, each at once")
def at_once(stage: Stage) -> str:
    stage.start()
    here, there = stage.hosts
    moves = []
    for _ in range(10):
        moves.append(move(stage, here, there))
        here, there = there, here
    pause = max(each.pause for each in moves)
    return f"it moves each time, and its TCP session lives; the longest pause was {pause:.1f} s"
