"""`migrate`: check, and move a guest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..terminal.output import Output

if TYPE_CHECKING:
    from ..options import Migrate as Options
    from ..planning import Plan
    from ..request import Request


def migrate(options: Options, out: Output) -> int:
    """The command."""
    # Before libvirt is loaded, so that a person sees at once that something happens.
    if out.live:
        out.note(f"{options.guest}: asking both hosts")
    from ..planning import accept, make_plan, tell_plan
    from ..request import ALL, request_from
    from ..terminal.waiting import interruptible

    if options.report:
        from ..report.recorder import check_path

        check_path(options.report)
    request = request_from(options, options.destination)
    plan = interruptible(lambda: make_plan(request, options.guest, options.source, options.destination))
    tell_plan(plan, out)
    if ALL in (options.copy_storage or options.copy_storage_incremental or ()):
        out.note(f"{plan.name}: copies {', '.join(plan.params.get('migrate_disks', ())) or 'no disk'}")
    accept(plan, out, force=options.force, strict=options.strict)
    if options.offline:
        from .offline import move_definition

        return move_definition(plan, options, out)
    return start(plan, request, options, out)


def start(plan: Plan, request: Request, options: Options, out: Output) -> int:
    """Starts the migration and follows it."""
    from ..follow import Followed, follow
    from ..hosts import own_guest
    from ..terminal.signals import Signals

    recorder = None
    if options.report:
        from ..report.recorder import Recorder

        recorder = Recorder(options.report, plan.name, plan.route, request.convergence)
    guest = own_guest(plan.pair.guest, options.source)
    paused = guest.state.name == "paused"
    more = recorder.callbacks if recorder else {}
    with Signals() as signals:
        migration = guest.start_migration(plan.params, convergence=request.convergence, **more)
        out.event("start", guest=plan.name, uuid=plan.pair.guest.uuid, flags=int(plan.params.flags))
        followed = Followed(plan.name, options.source, ours=True, was_paused=paused)
        code = follow(followed, migration, out, signals)
    if recorder is not None:
        recorder.write(migration, out)
    return code
