"""The drop-in's own options. Everything else is governed by Nova's `live_migration_*` options, as before."""

from __future__ import annotations

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "libvirt_migrate",
    title="libvirt-migrate",
    help="Live migration by libvirt-migrate (compute_driver = libvirt_migrate.LibvirtDriver).",
)

OPTIONS = (
    cfg.StrOpt(
        "policy",
        default="adaptive",
        choices=(
            (
                "adaptive",
                "raise the allowed pause as soon as what is measured says that the guest fits into it",
            ),
            ("schedule", "raise the allowed pause step by step with the time, as Nova does"),
        ),
        help="How a migration is brought to its end. Both stay within [libvirt]/live_migration_downtime, "
        "and both "
        "do what [libvirt]/live_migration_timeout_action says once "
        "[libvirt]/live_migration_completion_timeout "
        "has passed. The other live_migration_downtime_* options matter for schedule only.",
    ),
    cfg.BoolOpt(
        "automatic_post_copy",
        default=False,
        help="Switch to post-copy as soon as a guest is found to change its memory faster than the "
        "network carries "
        "it, without waiting for the completion timeout. Needs [libvirt]/live_migration_permit_post_copy "
        "and the "
        "adaptive policy.",
    ),
    cfg.IntOpt(
        "max_post_copy",
        min=1,
        help="Switch by automatic_post_copy only where the rest is expected to follow within so many "
        "seconds, in which the guest waits for memory. Without it there is no bound. A switch by the "
        "completion timeout or by force-complete is not held to it.",
    ),
    cfg.BoolOpt(
        "choose_transport",
        default=True,
        help="Send memory compressed with zstd, over two connections, over a link that earlier migrations "
        "of this nova-compute have found to carry less than 15 MB/s, where both hosts take that (libvirt "
        "9.4 and QEMU 9.0, with post-copy permitted QEMU 10.1). Not where "
        "[libvirt]/live_migration_bandwidth, live_migration_parallel_connections, "
        "live_migration_with_native_tls or live_migration_tunnelled says how memory travels, nor where "
        "disks are copied, nor in eventlet mode.",
    ),
    cfg.BoolOpt(
        "synchronous_disk_writes",
        default=False,
        help="While disks are copied, the guest's writes are over once both hosts have them, so that a disk "
        "that is written faster than it is copied comes to an end. The guest's writes are as slow as the "
        "network then. Needs libvirt 8.0 at both hosts.",
    ),
    cfg.BoolOpt(
        "take_over",
        default=True,
        help="Take over, when nova-compute starts, the live migrations that it left when it ended: "
        "follow and steer them, and do for each what its end asks for. What that needs is kept below "
        "state_path while a guest moves. Without it Nova aborts "
        "what still runs, and takes a guest that has moved for one that has not.",
    ),
    cfg.PortOpt(
        "metrics_port",
        help="Serve metrics of the live migrations that leave this host, for Prometheus, at this port. "
        "Without it there are none. Needs prometheus_client, which Nova's environment has by oslo.metrics.",
    ),
    cfg.HostAddressOpt(
        "metrics_address",
        default="127.0.0.1",
        help="Where metrics_port listens. Whoever reaches it reads how many guests were moved, and no names.",
    ),
)


def register(conf: cfg.ConfigOpts | None = None) -> None:
    """Adds the options to Nova's configuration; once is enough, twice does no harm."""
    if conf is None:
        from nova.conf import CONF

        conf = CONF
    conf.register_group(GROUP)
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, tuple[cfg.Opt, ...]]]:
    """What `oslo-config-generator --namespace libvirt_migrate` prints."""
    return [(GROUP, OPTIONS)]
