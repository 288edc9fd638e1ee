"""A green thread ticks all through a slow call of a proxied domain: with real eventlet, in a process of its
own.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.nova

#: Patches as Nova does, then makes each of the guest's calls on a domain whose calls block natively for a
#: while.
SCRIPT = """
import eventlet
eventlet.monkey_patch()
import json, sys, threading
from eventlet import tpool, patcher

real_sleep = patcher.original("time").sleep
slow = float(sys.argv[1])

class Domain:
    # What a virDomain does, but slowly, and in native code as far as eventlet can tell.
    def _wait(self, *arguments, **keywords):
        real_sleep(slow)
        return 0
    migrateToURI3 = abortJob = migrateSetMaxDowntime = migrateStartPostCopy = _wait
    def jobStats(self, *arguments):
        real_sleep(slow)
        return {"type": 2, "memory_total": 1024}
    def name(self): return "vm1"
    def UUIDString(self): return "11111111-2222-4333-8444-555555555555"
    def state(self): return [1, 1]
    def isActive(self): return True
    def ID(self): return 1

from nova.virt.libvirt import guest as nova_guest
import libvirt
nova_guest.libvirt = libvirt
if sys.argv[2] == "ours":
    from libvirt_migrate.nova import guest as ours
    for method in ours.METHODS:
        setattr(nova_guest.Guest, method.__name__, method)
    nova_guest.JobInfo = ours.JobInfo

ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        eventlet.sleep(0.01)

proxied = sys.argv[3] == "proxied"
guest = nova_guest.Guest(tpool.Proxy(Domain()) if proxied else Domain())
calls = {
    "migrate": lambda: guest.migrate("qemu+tcp://dest/system", bandwidth=1),
    "get_job_info": lambda: guest.get_job_info(),
    "abort_job": lambda: guest.abort_job(),
    "migrate_configure_max_downtime": lambda: guest.migrate_configure_max_downtime(100),
    "migrate_start_postcopy": lambda: guest.migrate_start_postcopy(),
}
eventlet.spawn(tick)
eventlet.sleep(0.02)
result = {}
for name, call in calls.items():
    before = ticks
    call()
    result[name] = ticks - before
print(json.dumps(result))
"""


def ticks(side: str, domain: str) -> dict[str, int]:
    """How often the other green thread ran during each call."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, "0.5", side, domain]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("side", ["stock", "ours"])
def test_the_hub_goes_on_through_every_call_of_a_proxied_domain(side: str) -> None:
    counted = ticks(side, "proxied")
    # 50 would fit into each call; a hub that stands still allows none.
    assert all(count >= 5 for count in counted.values()), counted


def test_a_call_that_bypassed_the_proxy_would_be_seen() -> None:
    """The same without the proxy: a native call from a green thread, during which nothing else runs."""
    counted = ticks("ours", "bare")
    assert all(count <= 1 for count in counted.values()), counted


_FOLLOWING = """
import eventlet
eventlet.monkey_patch()
from libvirt_migrate.nova import call as calls, following

call = calls.Call()
# Its driver knows no migration: what is to be seen is that libvirt is asked.
following.follow(call, "6695eb01-f6a4-8304-79aa-97f2502e193f", "test:///default", "test:///default")
while not call.over:
    eventlet.sleep(0.01)
print(type(call.error).__name__, call.error)
"""


def test_a_job_is_followed_from_green_threads() -> None:
    command = [sys.executable, "-W", "ignore", "-c", _FOLLOWING]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("LibvirtError"), ran.stdout
    assert "eventlet" not in ran.stdout
