"""Where a guest is, in words that say what to do."""

#: By the outcome's guest_location.
PLACES = {
    "source-running": "the guest runs at the source",
    "source-paused": "the guest is PAUSED at the source; virsh resume has it go on",
    "destination-running": "the guest runs at the destination",
    "destination-paused": "the guest is paused at the destination",
    "both-paused": "the guest is PAUSED at both hosts; do not start it at both",
    "both-running": "the guest RUNS AT BOTH HOSTS; pause it at the source, then libvirt-migrate recover",
    "post-copy-broken": "the post-copy BROKE and the guest stands still; go on with libvirt-migrate recover",
    "unknown": "it is NOT KNOWN where the guest runs; ask both hosts with libvirt-migrate status",
}
