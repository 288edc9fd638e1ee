"""The guest itself, and what a migration is asked to do."""

from __future__ import annotations

from .frame import Stage, another, replacing
from .situation import situation

THEME = "The guest and what is asked for"


@situation(THEME, "nothing special", "ready", quick=True)
def plain(stage: Stage) -> None:
    stage.start()


@situation(THEME, "paused", "ready")
def paused(stage: Stage) -> None:
    stage.start().suspend()


@situation(THEME, "transient: it has no persistent definition", "ready")
def transient(stage: Stage) -> None:
    stage.start(transient=True)


@situation(
    THEME, "its display's address is the source's, and nothing changes it", "fail", "addresses", quick=True
)
def address_left(stage: Stage) -> None:
    stage.start()
    stage.options = []


@situation(THEME, "another guest has its name at the destination", "fatal", "name", quick=True)
def name_taken(stage: Stage) -> None:
    stage.start()
    stage.define(stage.destination, lambda xml: another(xml).replace("<name>other-", "<name>"))


@situation(THEME, "it is defined at the destination and shut off", "ready")
def defined_there(stage: Stage) -> None:
    stage.start()
    stage.define(stage.destination, lambda xml: xml)


@situation(THEME, "no such disk to copy", "fatal", "storage")
def no_such_disk(stage: Stage) -> None:
    stage.start()
    stage.options += ["--copy-storage", "vdq"]


@situation(THEME, "its persistent definition has the source's address", "fail", "persistent-definition")
def persistent_address_left(stage: Stage) -> None:
    stage.start(edit=replacing(f"'{stage.source.address}'", "'0.0.0.0'"))
    stage.keep(replacing("'0.0.0.0'", f"'{stage.source.address}'"))
    stage.options = []


@situation(THEME, "the same, and --set changes both definitions", "ready")
def persistent_address_changed(stage: Stage) -> None:
    stage.start(edit=replacing(f"'{stage.source.address}'", "'0.0.0.0'"))
    stage.keep(replacing("'0.0.0.0'", f"'{stage.source.address}'"))


@situation(THEME, "another guest has its uuid at the destination", "fatal", "name")
def uuid_taken(stage: Stage) -> None:
    stage.start()
    stage.define(stage.destination, lambda xml: xml.replace("<name>", "<name>other-"))
