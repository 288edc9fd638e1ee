"""Options, connections, and which changes of a definition a running guest takes."""

from __future__ import annotations

from .frame import Stage, replacing
from .situation import situation

THEME = "Options, connections and changes"


@situation(THEME, "the source is libvirt's default connection", "ready")
def default_connection(stage: Stage) -> None:
    stage.start()
    stage.names_source = False
    stage.environment["LIBVIRT_DEFAULT_URI"] = stage.source.uri


@situation(
    THEME,
    "the same, and the persistent definition has the source's address",
    "fail",
    "persistent-definition",
    quick=True,
)
def default_connection_stale(stage: Stage) -> None:
    stage.start(edit=replacing(f"'{stage.source.address}'", "'0.0.0.0'"))
    stage.keep(replacing("'0.0.0.0'", f"'{stage.source.address}'"))
    stage.names_source = False
    stage.environment["LIBVIRT_DEFAULT_URI"] = stage.source.uri
    stage.options = []


@situation(THEME, "with --post-copy", "ready")
def post_copy(stage: Stage) -> None:
    stage.start()
    stage.options += ["--post-copy"]


@situation(THEME, "with --parallel and --bandwidth", "ready")
def parallel(stage: Stage) -> None:
    stage.start()
    stage.options += ["--parallel", "2", "--bandwidth", "200"]


@situation(THEME, "with --tunnelled", "ready", unknown=("source", "route"))
def tunnelled(stage: Stage) -> None:
    stage.start()
    stage.options += ["--tunnelled"]


@situation(THEME, "with --compression zstd, which needs a newer libvirt", "fatal", "parameters")
def new_compression(stage: Stage) -> None:
    stage.start()
    stage.options += ["--parallel", "2", "--compression", "zstd"]


@situation(THEME, "with --set of a field that there is not", "refused")
def unknown_field(stage: Stage) -> None:
    stage.start()
    stage.options += ["--set", "graphics.rdq={host}"]


@situation(THEME, "the source's daemon does not reach the destination", "fatal", "route", quick=True)
def no_route(stage: Stage) -> None:
    stage.start()
    stage.source.run("ip", "route", "add", "unreachable", stage.destination.address)
    stage.clean.callback(stage.source.run, "ip", "route", "del", "unreachable", stage.destination.address)


@situation(THEME, "the destination is the source", "refused")
def same_host(stage: Stage) -> None:
    stage.start()
    stage.to = stage.source.uri


@situation(THEME, "nobody listens at the destination's URI", "refused")
def no_daemon(stage: Stage) -> None:
    stage.start()
    stage.to = f"qemu+tcp://{stage.destination.address}:16510/system"


@situation(THEME, "with --tls, and no certificates", "unknown", unknown=("data",), quick=True)
def no_certificates(stage: Stage) -> None:
    stage.start()
    stage.options += ["--tls"]


@situation(THEME, "with --migrate-uri to the destination", "ready")
def right_address(stage: Stage) -> None:
    stage.start()
    stage.options += ["--migrate-uri", f"tcp://{stage.destination.address}"]


@situation(THEME, "with --migrate-uri to another host", "unknown", unknown=("data",))
def wrong_address(stage: Stage) -> None:
    stage.start()
    stage.options += ["--migrate-uri", f"tcp://{stage.source.address}"]


@situation(THEME, "with --listen-address of another host", "unknown", unknown=("data",))
def wrong_listen_address(stage: Stage) -> None:
    stage.start()
    stage.options += ["--listen-address", stage.source.address]


@situation(THEME, "with --set cpu_shares", "ready")
def cpu_shares(stage: Stage) -> None:
    stage.start(edit=replacing("<os>", "<cputune><shares>1024</shares></cputune><os>"))
    stage.options += ["--set", "cpu_shares=remove"]


@situation(THEME, "with --set numa.memory, of a node that both hosts have", "ready")
def numa_change(stage: Stage) -> None:
    stage.start()
    stage.options += ["--set", "numa.memory=0"]
