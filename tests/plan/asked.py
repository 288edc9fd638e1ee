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


@situation(THEME, "a change that a running guest cannot see: another kind of display", "refused")
def unknown_field(stage: Stage) -> None:
    stage.start()
    stage.options += ["--set", "graphics.rdq={host}"]


@situation(THEME, "the source's daemon does not reach the destination", "fatal", "route", quick=True)
def no_route(stage: Stage) -> None:
    stage.start()
    stage.source.run("ip", "route", "add", "unreachable", stage.destination.address)
    stage.clean.callback(stage.source.run, "ip", "route", "del", "unreachable", stage.destination.address)
