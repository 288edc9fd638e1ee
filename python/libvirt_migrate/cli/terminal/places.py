"""Where a guest is, in words that say what to do."""

#: By the outcome's guest_location.
PLACES = {
    "source-running": "the guest runs at the source",
    "source-paused": "the guest is PAUSED at the source; virsh resume has it go on",
    "destination-running": "the guest runs at the destination",
    "destination-paused": "the guest is paused at the destination",
    "both-paused": "the guest is PAUSED at both hosts; do not start it at both",
    "both-running": "the guest RUNS AT BOTH HOSTS; pause it at the source, then libvirt-migrate recover",
    "post-copy-broken": "the post-copy BROKE, and the guest stands still or is gone; libvirt-migrate recover",
    "source-shut-off": "the guest is SHUT OFF at the source, and runs nowhere",
    "destination-shut-off": "the guest is SHUT OFF at the destination, and runs nowhere",
    "both-shut-off": "the guest is SHUT OFF at both hosts; start it where it ran last, and not at both",
    "absent": "NEITHER HOST KNOWS the guest any more; it has ended, and no definition was kept",
    "unknown": "it is NOT KNOWN where the guest runs; ask both hosts with libvirt-migrate status",
}
