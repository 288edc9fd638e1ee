"""Types of the native module. The docstrings are the module's own: `make stubs` puts them here."""

from collections.abc import (
    Callable,
    Generator,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
    ValuesView,
)
from typing import Any, Final, Literal, Protocol, final

from .flags import MigrateFlags

__all__ = [
    "Convergence",
    "ConvergencePolicy",
    "Decision",
    "Engine",
    "EngineOrder",
    "Forecast",
    "Guest",
    "GuestForecast",
    "GuestState",
    "Host",
    "HostAnswer",
    "JobInfo",
    "Listener",
    "MigrateParams",
    "Migration",
    "Outcome",
    "PolicyDecision",
    "Progress",
    "Retarget",
    "StoragePool",
    "StorageVolume",
    "Whereabouts",
    "XmlChange",
    "_ErrorCode",
    "_JobCode",
    "_ProgressIterator",
    "_StateCode",
    "_Updates",
    "_Waiter",
    "__version__",
    "_close",
    "_compression",
    "_is_refusal",
    "_panic",
    "_params_as_given",
    "build_migrate_params",
    "diff_xml",
    "forecast",
    "guest_location",
    "listeners",
    "retarget_pair",
    "retarget_xml",
    "where_is",
    "whole_disks_xml",
]

__version__: str

class _Domain(Protocol):
    """The methods of libvirt-python's `virDomain` that a guest cannot do without."""

    def name(self) -> Any: ...
    def migrateToURI3(self, dconnuri: Any, params: Any = ..., flags: Any = ...) -> Any: ...

_Parameters = Mapping[str, str | int | Iterable[str]]

@final
class MigrateParams(Mapping[str, Any]):
    """The parameters of one migration: a frozen mapping of libvirt's names to values.

    It holds `persistent_xml` whenever it holds `destination_xml`. `destination` and `flags` ride along as
    attributes, and `dict(params)` is what `virDomain.migrateToURI3(params=...)` takes.
    """
    @property
    def destination(self) -> str | None:
        """The URI of the destination's daemon, or `None`."""
    @property
    def flags(self) -> MigrateFlags:
        """libvirt's flags, as a MigrateFlags."""
    def replace(self, *, destination: str | None = None, flags: int | None = None) -> MigrateParams:
        """The same parameters with another destination or other flags."""
    def check_version(self, version: tuple[int, int, int]) -> None:
        """Refuses with InvalidParameter what a libvirt of this version (major, minor, release) does not have."""
    def keys(self) -> KeysView[str]:
        """libvirt's names of the parameters."""
    def values(self) -> ValuesView[Any]:
        """The values, in the order of the names."""
    def items(self) -> ItemsView[str, Any]:
        """Names and values."""
    def get(self, name: str, default: Any = None) -> Any:
        """The value of a parameter, or `default`."""
    def __getitem__(self, key: str, /) -> Any: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __iter__(self, /) -> Iterator[str]: ...
    def __len__(self, /) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...

def build_migrate_params(
    dest_xml: str | None = None,
    *,
    persistent_xml: str | None = None,
    destination: str | None = None,
    flags: int | None = None,
    migrate_uri: str | None = None,
    destination_name: str | None = None,
    bandwidth: int | None = None,
    bandwidth_postcopy: int | None = None,
    bandwidth_avail_switchover: int | None = None,
    graphics_uri: str | None = None,
    listen_address: str | None = None,
    migrate_disks: str | Iterable[str] | None = None,
    migrate_disks_detect_zeroes: str | Iterable[str] | None = None,
    migrate_disks_target_zero: str | Iterable[str] | None = None,
    disks_port: int | None = None,
    disks_uri: str | None = None,
    compression: str | Iterable[str] | None = None,
    compression_mt_level: int | None = None,
    compression_mt_threads: int | None = None,
    compression_mt_dthreads: int | None = None,
    compression_xbzrle_cache: int | None = None,
    compression_zlib_level: int | None = None,
    compression_zstd_level: int | None = None,
    auto_converge_initial: int | None = None,
    auto_converge_increment: int | None = None,
    parallel_connections: int | None = None,
    tls_destination: str | None = None,
) -> MigrateParams:
    """The parameters of a migration, checked.

    `dest_xml` is the definition that the guest runs with at the destination, and, unless `persistent_xml` gives
    another, the one that the destination keeps: one never goes without the other. Without it the guest keeps
    its own. Every parameter of libvirt is a keyword under libvirt's name, with `_` for `.`; `destination` is
    the URI of the destination's daemon, and `flags` libvirt's flags, by default LIVE, PEER2PEER, PERSIST_DEST,
    UNDEFINE_SOURCE and those that the parameters ask for. `migrate_disks` asks for whole copies (NON_SHARED_DISK).
    An incremental one, onto images that have the same backing files as the source's, is asked for by
    NON_SHARED_INC; without `migrate_disks` that flag is cleared, and NON_SHARED_DISK copies every disk that is not
    read-only, shareable or empty. An empty `migrate_disks` copies none.

    Raises InvalidParameter or InvalidDomainXml; nothing is sent to a hypervisor.
    """

# For callers with rules of their own (the drop-in for Nova).
def _compression(
    guest: Guest, destination: str, migrate_uri: str | None, flags: int
) -> tuple[int, str] | None:
    """Over how many connections memory is to be sent compressed with zstd, and why, where migrations of this process have found
    the link to be slow (`Engine.learn`) and both hosts take it; `None` leaves it as it is. `destination` is the URI of the
    destination's daemon, `migrate_uri` and `flags` are what libvirt is going to be given.

    Raises InvalidParameter where these do not go together.
    """

def _is_refusal(code: int, message: str) -> bool:
    """Whether an error with libvirt's number `code` says that libvirt or QEMU does not take what was chosen, as they say before
    anything is moved.
    """

def _params_as_given(
    destination: str, flags: int, destination_xml: str | None, parameters: Mapping[str, Any]
) -> MigrateParams:
    """Parameters that are sent as they are: what libvirt checks is left to libvirt.

    `parameters` are libvirt's names but for the two definitions; `destination_xml`, where it is given, is sent as
    the persistent definition too. `destination` is the URI of the destination's daemon, `flags` are libvirt's.

    Raises InvalidParameter for a name that is none of libvirt's, and for a value of a type that no parameter has.
    """

@final
class Retarget:
    """What changes in a definition when its guest moves. A field that is not given leaves its part alone.

    Built once and applied to as many definitions as needed. docs/retarget.md describes each field.
    Raises InvalidParameter, which names the field.
    """
    def __new__(
        cls,
        *,
        graphics: Mapping[str, str | int | None] | None = None,
        serial: Mapping[str, str | Iterable[int] | None] | None = None,
        listeners: Mapping[str, str | Mapping[int, int] | Mapping[str, int] | None] | None = None,
        disks: Iterable[Mapping[str, Any]] | None = None,
        rbd: Mapping[str, Any] | None = None,
        interfaces: Iterable[Mapping[str, str | None]] | None = None,
        emulator: str | None = None,
        firmware: Mapping[str, str | None] | None = None,
        perf_events: Iterable[str] | None = None,
        memory_backing: Mapping[str, bool] | None = None,
        cpu_shares: int | str | None = None,
        vcpu_cpuset: str | None = None,
        numa: Mapping[str, Any] | None = None,
        mdevs: Mapping[str, str] | None = None,
        pci: Mapping[str, str] | None = None,
        vpmem: Iterable[str] | None = None,
    ) -> Retarget: ...
    @staticmethod
    def from_json(text: str) -> Retarget:
        """The retargeting that a JSON document describes."""
    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Retarget:
        """The retargeting that a mapping of plain values describes."""
    def to_json(self) -> str:
        """The JSON document, device definitions with their secrets included."""
    def to_dict(self) -> dict[str, Any]:
        """Plain values, device definitions with their secrets included."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...

@final
class XmlChange:
    """A difference between two definitions: `path`, and the value `before` and `after`, each `None` where there is none."""
    @property
    def path(self) -> str:
        """Where: `/domain/devices/disk[vda]/source/@dev`."""
    @property
    def before(self) -> str | None:
        """The old value, text or element."""
    @property
    def after(self) -> str | None:
        """The new value, text or element."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...

def retarget_xml(xml: str | bytes, retarget: Retarget) -> str:
    """The definition for the destination: `xml` with what `retarget` changes.

    What no field of `retarget` names keeps its bytes. `xml` is `str`, or `bytes` in UTF-8.
    Raises InvalidDomainXml, which names the element with line and column.
    """

def retarget_pair(xml: str | bytes, persistent_xml: str | bytes, retarget: Retarget) -> tuple[str, str]:
    """The two definitions of a guest for the destination: the live one (`xml`) and the persistent one.

    Each gets what it has of `retarget`: a device that only one of the two has, such as a disk that was plugged into the
    running guest, changes there and is not missed in the other. Raises InvalidDomainXml, also for what is in neither.
    """

def whole_disks_xml(xml: str | bytes, disks: Sequence[str]) -> str:
    """The definition `xml` for a destination to which these disks are copied whole, such as `["vda"]`.

    Where it names chains of backing files, as after an external snapshot, they go: a whole copy is one image, and the
    destination lacks the others. Everything else keeps its bytes. Raises InvalidDomainXml.
    """

def diff_xml(before: str | bytes, after: str | bytes) -> tuple[XmlChange, ...]:
    """What is different in the definition `after`, with secrets masked.

    The order of attributes, white space around text and comments are no differences. Raises InvalidDomainXml.
    """

@final
class Listener:
    """A socket at which a guest listens on its host."""
    @property
    def device(self) -> str:
        """The name of the device's element: graphics, serial, channel, …"""
    @property
    def index(self) -> int:
        """Its place among the guest's devices of this name, from 0."""
    @property
    def kind(self) -> str:
        """What kind of device it is: vnc, spice or rdp for displays, else tcp or udp, for interfaces server, udp or user."""
    @property
    def attribute(self) -> Literal["port", "tlsPort", "websocket", "service", "start"]:
        """The attribute that holds the port: port, tlsPort, websocket, service or start."""
    @property
    def protocol(self) -> Literal["tcp", "udp"]:
        """Of which protocol the port is: tcp or udp."""
    @property
    def address(self) -> str | None:
        """The address or name; `None` where the host's own settings say, which for all but displays is everywhere."""
    @property
    def network(self) -> str | None:
        """The virtual network whose address on the host is taken."""
    @property
    def port(self) -> int | str | None:
        """The port; `None` where the host takes a free one, a text where a service or a range is named."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...

def listeners(xml: str | bytes) -> tuple[Listener, ...]:
    """What a guest of this definition listens at on its host, in the document's order: displays, character devices,
    interfaces that are sockets. Raises InvalidDomainXml.
    """

@final
class GuestState:
    """What a domain does, and why."""
    @property
    def code(self) -> int:
        """libvirt's number of the state."""
    @property
    def reason_code(self) -> int:
        """libvirt's number of the reason."""
    @property
    def name(self) -> str:
        """The state in words: running, paused, shut off, …"""
    @property
    def reason(self) -> str:
        """The reason in words: booted, migrated, user, …"""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...

@final
class JobInfo:
    """The statistics of a job under libvirt's names; `None` for what libvirt does not tell. Times are seconds; in
    `to_dict()`, which is what libvirt tells, they are its milliseconds.
    """
    @property
    def type(self) -> int:
        """libvirt's number of the job's type."""
    @property
    def type_name(self) -> str:
        """The job's type in words: none, bounded, unbounded, completed, failed, cancelled."""
    @property
    def extra(self) -> dict[str, int | float | bool | str]:
        """Statistics that this version of libvirt-migrate does not know."""
    def to_dict(self) -> dict[str, int | float | bool | str]:
        """What libvirt told, under its own names and in its units (times are ms), `type` and the unknown ones included:
        what `ConvergencePolicy.observe` takes.
        """
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    @property
    def time_elapsed(self) -> float | None:
        """Since the start. In seconds."""
    @property
    def time_remaining(self) -> float | None:
        """Until the end of a bounded job. In seconds."""
    @property
    def downtime(self) -> float | None:
        """The pause: expected while it runs, measured once it is over. In seconds."""
    @property
    def data_total(self) -> int | None:
        """Memory and disks, bytes."""
    @property
    def data_processed(self) -> int | None:
        """Memory and disks moved, bytes."""
    @property
    def data_remaining(self) -> int | None:
        """Memory and disks left, bytes."""
    @property
    def memory_total(self) -> int | None:
        """Memory, bytes."""
    @property
    def memory_processed(self) -> int | None:
        """Memory moved, bytes."""
    @property
    def memory_remaining(self) -> int | None:
        """Memory left, bytes."""
    @property
    def memory_constant(self) -> int | None:
        """Pages that needed no sending, since they were of one byte."""
    @property
    def memory_normal(self) -> int | None:
        """Pages sent whole."""
    @property
    def memory_normal_bytes(self) -> int | None:
        """Pages sent whole, bytes."""
    @property
    def disk_total(self) -> int | None:
        """Disks, bytes."""
    @property
    def disk_processed(self) -> int | None:
        """Disks moved, bytes."""
    @property
    def disk_remaining(self) -> int | None:
        """Disks left, bytes."""
    @property
    def compression_cache(self) -> int | None:
        """Size of the XBZRLE cache, bytes."""
    @property
    def compression_bytes(self) -> int | None:
        """Compressed data sent, bytes."""
    @property
    def compression_pages(self) -> int | None:
        """Compressed pages sent."""
    @property
    def compression_cache_misses(self) -> int | None:
        """Pages that the XBZRLE cache did not have."""
    @property
    def compression_overflow(self) -> int | None:
        """Pages that compression would have made larger."""
    @property
    def setup_time(self) -> float | None:
        """Before the first byte was sent. In seconds."""
    @property
    def memory_bps(self) -> int | None:
        """Speed of memory, bytes/s."""
    @property
    def disk_bps(self) -> int | None:
        """Speed of disks, bytes/s."""
    @property
    def time_elapsed_net(self) -> float | None:
        """Since the start, without the two hosts' clock difference. In seconds."""
    @property
    def downtime_net(self) -> float | None:
        """The pause, without the two hosts' clock difference. In seconds."""
    @property
    def memory_dirty_rate(self) -> int | None:
        """Memory that the guest dirties, pages/s."""
    @property
    def memory_iteration(self) -> int | None:
        """Passes over the memory so far."""
    @property
    def auto_converge_throttle(self) -> int | None:
        """How much the guest is slowed down, %."""
    @property
    def operation(self) -> int | None:
        """What the job does: 4 is an incoming, 5 an outgoing migration."""
    @property
    def memory_page_size(self) -> int | None:
        """Size of a page, bytes."""
    @property
    def memory_postcopy_requests(self) -> int | None:
        """Pages that the destination asked for in post-copy."""
    @property
    def success(self) -> bool | None:
        """Whether a job that is over succeeded."""
    @property
    def disk_temp_used(self) -> int | None:
        """Temporary disk space in use, bytes."""
    @property
    def disk_temp_total(self) -> int | None:
        """Temporary disk space, bytes."""
    @property
    def errmsg(self) -> str | None:
        """What went wrong in a job that is over."""
    @property
    def vfio_data_transferred(self) -> int | None:
        """State of VFIO devices moved, bytes."""

# libvirt's numbers, for `codes.py`.
@final
class _ErrorCode:
    """`VIR_ERR_*` of `LibvirtError.code`."""

    INVALID_ARG: Final[int]
    NO_SUPPORT: Final[int]
    OPERATION_FAILED: Final[int]
    SYSTEM_ERROR: Final[int]
    RPC: Final[int]
    NO_DOMAIN: Final[int]
    AUTH_FAILED: Final[int]
    NO_STORAGE_VOL: Final[int]
    OPERATION_INVALID: Final[int]
    OPERATION_TIMEOUT: Final[int]
    OPERATION_ABORTED: Final[int]
    MIGRATE_UNSAFE: Final[int]
    OPERATION_UNSUPPORTED: Final[int]
    ACCESS_DENIED: Final[int]

@final
class _JobCode:
    """`VIR_DOMAIN_JOB_*` of `JobInfo.operation`."""

    OPERATION_MIGRATION_IN: Final[int]
    OPERATION_MIGRATION_OUT: Final[int]

@final
class _StateCode:
    """`VIR_DOMAIN_*` of `GuestState.code` and `GuestState.reason_code`."""

    PAUSED: Final[int]
    PAUSED_MIGRATION: Final[int]
    PAUSED_POSTCOPY: Final[int]

@final
class Engine:
    """Watches and steers one migration whose call somebody else makes, and says how it has ended.

    It has no clock and does nothing itself. Tell it what happens, with the seconds since the start (which do not go
    back); carry out what `poll_order` gives, and tell it what came of that under the order's number; log what
    `poll_step` gives. `wake_at` says when to call `woken` at the latest. A look at the job is ordered each time.
    """
    def __new__(
        cls,
        convergence: Convergence | None = None,
        flags: int | None = None,
        *,
        paused: bool = False,
        confirm_for: float = 60.0,
    ) -> Engine: ...
    def woken(self, elapsed: float) -> None:
        """Time has passed."""
    def set_destination(self, known: bool) -> None:
        """The destination can be asked from now on, or not."""
    def learn(self, guest: Guest, destination: str, migrate_uri: str | None = None) -> None:
        """What is seen of the link is kept: `_compression` in this process goes by it. `guest` is the one that is moved,
        `destination` the URI of the destination's daemon, `migrate_uri` as libvirt is given it.
        """
    def called(
        self, elapsed: float, code: int | None = None, message: str = "", location: str | None = None
    ) -> None:
        """The call is over: `code` is libvirt's number of its error, or any other where it has none; `None` where it
        returned. `location` is where the guest is, where the error says so, as `guest_location` of `MigrationFailed`.
        """
    def sampled(
        self,
        elapsed: float,
        order: EngineOrder,
        stats: dict[str, Any] | None,
        state: tuple[int, int] | None = None,
        *,
        gone: bool = False,
    ) -> None:
        """What a look found: `stats` are libvirt's job statistics under its names, with `type`, and `state` is libvirt's
        state and its reason; each `None` where it was not to be had. `gone` says that the source does not know the guest
        or its job any more.
        """
    def changed(self, elapsed: float, order: EngineOrder, code: int | None = None, message: str = "") -> None:
        """What came of a change: nothing more where it was made, else libvirt's number and the message."""
    def located(self, elapsed: float, order: EngineOrder, location: str) -> None:
        """Where the guest is by both hosts' answers, as `guest_location` says it."""
    def looked(
        self,
        elapsed: float,
        order: EngineOrder,
        source: tuple[int, int] | Literal[False] | None,
        destination: tuple[int, int] | Literal[False] | None,
    ) -> None:
        """What both hosts say of the guest: a libvirt state and its reason, `False` of a host that does not know it, `None` of
        one that does not answer.
        """
    def outside(self, elapsed: float, what: str) -> None:
        """Somebody else has paused the guest to get it over, switched it to post-copy or aborted the migration: "paused",
        "post-copy" or "aborted".
        """
    def poll_order(self) -> EngineOrder | None:
        """The next thing to do; `None` where nothing is due."""
    def poll_step(self) -> Decision | None:
        """The next thing that was done, as a `Decision`; `None` where all were told."""
    @property
    def wake_at(self) -> float | None:
        """When `woken` is to be called at the latest, in seconds since the start; `None` while it waits for replies alone."""
    @property
    def end(self) -> tuple[str, str] | None:
        """How it ended, and where the guest is: ("completed", "failed" or "cancelled", and as `guest_location`). `None`
        while it runs.
        """

@final
class EngineOrder:
    """One thing to do."""
    @property
    def name(self) -> str:
        """What: "sample" (look at the job, and at the domain's state), "ask" (ask both hosts where the guest is), "look" (ask
        both over connections of their own, without waiting: reply with `looked`), "set-max-downtime", "start-post-copy",
        "pause" (get it over), "abort", "hold" (pause the guest for a moment), "resume" or "finish-abort"
        (`Guest.finish_abort`).
        """
    @property
    def max_downtime(self) -> float | None:
        """Of set-max-downtime: the pause to allow, s; `None` for all else."""

@final
class Guest:
    """A guest of some host.

    `Guest(dom)` takes a libvirt-python `virDomain`, whose connection it shares, or any object with the same
    methods, which is called as it is. `Guest.open` needs no libvirt-python.
    """
    def __new__(cls, dom: _Domain) -> Guest: ...
    @staticmethod
    def open(name_or_uuid: str, uri: str | None = None, *, timeout: float | None = None) -> Guest:
        """The guest with this name or uuid at the daemon of `uri`, by default libvirt's own default. Connecting takes
        `timeout` seconds at most, 30 by default; LibvirtError says that it took longer.
        """
    def migrate(
        self,
        params: MigrateParams | _Parameters,
        *,
        destination: str | None = None,
        flags: int | None = None,
        convergence: Convergence | None = None,
        steer: bool = True,
    ) -> Outcome:
        """Moves the guest and returns its `Outcome` when it is there, with the GIL released all the while.

        `params` is what `build_migrate_params` returns, or a mapping under libvirt's names; `destination` and
        `flags` override what it carries. `convergence` says what is wanted and allowed. Ctrl-C aborts the
        migration, waits for the abort and raises KeyboardInterrupt.

        An object that is no libvirt-python domain is called on this thread, and nobody watches or steers; an
        intent is refused there. Without `steer` that is so for every domain, for a caller that watches and steers
        by itself.

        Raises InvalidParameter, InvalidDomainXml or LibvirtError before anything is started, and
        MigrationFailed or MigrationCancelled, which say where the guest is, afterwards.
        """
    def start_migration(
        self,
        params: MigrateParams | _Parameters,
        *,
        destination: str | None = None,
        flags: int | None = None,
        convergence: Convergence | None = None,
        on_progress: Callable[[Progress], object] | None = None,
        on_switchover: Callable[[float], object] | None = None,
        on_end: Callable[[Outcome | BaseException], object] | None = None,
    ) -> Migration:
        """Starts to move the guest and returns at once, with the `Migration`.

        `params`, `destination`, `flags` and `convergence` are `migrate`'s. `on_progress` is called with each
        `Progress`, `on_switchover` with the seconds since the start once the guest starts to run at the
        destination, `on_end` with the `Outcome` or the exception. They are called one after the other on a
        thread of this package's; an exception in one is logged and ends nothing.

        Raises what `migrate` raises before anything is started, and LibvirtError where the guest is being
        migrated already, which goes on.
        """
    def recover(
        self,
        params: MigrateParams | _Parameters | None = None,
        *,
        destination: str | None = None,
        flags: int | None = None,
        keep: Literal["source", "destination"] | None = None,
        exclusive: bool = False,
    ) -> Outcome:
        """Puts the guest right after a migration from here that broke, and returns the `Outcome` once it is whole in
        one place; its `decisions` tell what was done.

        `params`, `destination` and `flags` are the migration's own; `destination` alone will do where it moved its
        data in no special way. A post-copy that broke is resumed until the guest is whole, after the side that
        takes it for healthy was released; a post-copy that goes on is waited for. What a migration that is over
        has left behind is removed, where the other host is proven to have all of the guest. A migration in
        pre-copy that runs is refused: `adopt_migration` attaches to it.

        At the switchover libvirt may lose the destination's answer and have the guest go on at both hosts. It is
        paused at the source then; `keep`, "source" or "destination", says which one goes on, and the other is ended.

        `exclusive` says that the migration was one: the guest was sent paused, and goes on at the destination where the
        source has nothing of it any more. A copy at the destination that never ran is removed.

        Ctrl-C ends the waiting and raises KeyboardInterrupt, but a post-copy that was resumed is not aborted by
        it. Raises MigrationFailed where the guest cannot be put right from here: the message says why, and what
        is safe to do.
        """
    def forecast(
        self,
        destination: str | None = None,
        *,
        link: float | None = None,
        disks: float = 0.0,
        convergence: Convergence | None = None,
    ) -> GuestForecast:
        """How the guest's migration will go with this intent (by default `Convergence()`), as far as that can be known
        before it begins. Nothing is moved; it takes some five seconds.

        libvirt's dirty-rate calculation at the source (`virDomainStartDirtyRateCalc`, which samples pages) is run for
        1, 1 and 3 s; its statistics tell how much memory is not empty. `link` is what the link carries, bytes/s; without
        it, it is what the last migration of this process to the daemon at `destination` has found, else common links
        are taken. `disks` are the bytes of disks that are copied. The destination is not asked.

        What cannot be known (a host that refuses the calculation, an object that is no libvirt-python domain, a guest
        that is being migrated) is in `unknown`, and fails nothing. Raises LibvirtError for a guest that is shut off, and
        InvalidParameter for figures that are none and for `Convergence.schedule`. Ctrl-C raises KeyboardInterrupt.
        """
    def adopt_migration(
        self,
        *,
        destination: str | None = None,
        convergence: Convergence | None = None,
        on_progress: Callable[[Progress], object] | None = None,
        on_switchover: Callable[[float], object] | None = None,
        on_end: Callable[[Outcome | BaseException], object] | None = None,
    ) -> Migration:
        """Attaches to the migration of this guest to another host that runs already: one whose `Migration` was let
        go of, or one that another process has started.

        `destination` is the URI of its daemon, which is asked at the end where the guest is. One of this
        process goes on under its own intent; one of others gets `convergence`, or is only watched.

        Raises LibvirtError where no such migration runs.
        """
    @property
    def name(self) -> str:
        """The domain's name."""
    @property
    def uuid(self) -> str:
        """The domain's uuid."""
    @property
    def id(self) -> int | None:
        """The number that the running domain has on its host, or `None`."""
    @property
    def is_active(self) -> bool:
        """Whether the guest runs or is paused."""
    @property
    def state(self) -> GuestState:
        """What the guest does, and why."""
    def xml(self, *, inactive: bool = False, migratable: bool = False, secure: bool = False) -> str:
        """The definition: the live one or, with `inactive`, the persistent one; with `migratable` one that another
        host can take; passwords only with `secure`.
        """
    def disk_size(self, target: str) -> int:
        """What the guest sees of its disk with this target, such as vda: bytes. Of a guest that runs only."""
    @property
    def autostart(self) -> bool:
        """Whether its host starts it by itself."""
    @property
    def snapshot_count(self) -> int:
        """How many snapshots its host keeps of it. libvirt migrates no guest that has any."""
    @property
    def checkpoint_count(self) -> int:
        """How many checkpoints its host keeps of it, for incremental backups."""
    @property
    def has_managed_save(self) -> bool:
        """Whether its host has a managed save image of it."""
    def has_block_job(self, disk: str) -> bool:
        """Whether a block job (a copy, a commit, a pull, a backup) works on the disk with this target, such as vda."""
    def check_migration(
        self,
        params: MigrateParams | _Parameters,
        *,
        destination: str | None = None,
        flags: int | None = None,
    ) -> None:
        """Has libvirt begin the migration that `migrate` would start, with no address to send data to: what refuses
        it says so, and nothing is moved or started. The guest has a job for a moment.

        The source looks at the guest, its devices, disks and jobs, at the flags, and at what changes in the
        definition; the destination at the parameters and the definition. What comes later (ports, memory, files at
        the destination) is not seen. With PEER2PEER among the flags, as by default, the source's daemon calls the
        destination's, and has to reach it; without, this process calls both. `params`, `destination` and `flags` are
        `migrate`'s.

        Raises LibvirtError with libvirt's reason; its code is VIR_ERR_NO_SUPPORT where libvirt cannot be asked, as for a migration
        over a tunnel.
        """
    def suspend(self) -> None:
        """Pauses the guest."""
    def finish_abort(self) -> None:
        """Has QEMU finish an abort in which it hangs; QEMU refuses it in every other state. Of a guest whose QEMU was told so
        by hand libvirt says that it is tainted.
        """
    def resume(self) -> None:
        """Has the paused guest go on."""
    def abort_job(self, *, post_copy: bool = False) -> None:
        """Aborts the job that runs. A migration in post-copy can only be stopped, with `post_copy`: the guest
        stands still then until the migration is resumed.
        """
    def set_max_downtime(self, seconds: float) -> None:
        """Sets the longest pause that the running migration may cause, in seconds: above 0, and 2000 at most,
        which is QEMU's limit. libvirt takes whole milliseconds; a part of one is rounded up.
        """
    def start_post_copy(self) -> None:
        """Switches the running migration, which must have the POSTCOPY flag, to post-copy."""
    def set_bandwidth(self, mib_per_second: int, *, post_copy: bool = False) -> None:
        """Limits the migration's bandwidth, in MiB/s, before or, with `post_copy`, in post-copy; 0 is unlimited."""
    def job_info(self, *, completed: bool = False) -> JobInfo:
        """The statistics of the job that runs or, with `completed`, of the last one that is over."""
    def __repr__(self, /) -> str: ...

@final
class Host:
    """A host's libvirt daemon: what runs there, and what it could take. Needs no libvirt-python.

    Every method is one call to the daemon, with the GIL released, and raises LibvirtError.
    """
    @staticmethod
    def open(uri: str | None = None, *, timeout: float | None = None) -> Host:
        """The host whose daemon is at `uri`, by default libvirt's own default. Connecting takes `timeout` seconds at most,
        30 by default; LibvirtError says that it took longer.
        """
    @property
    def hostname(self) -> str:
        """The host's name, as it gives it itself."""
    @property
    def uri(self) -> str:
        """The URI of its daemon, as libvirt has it: of a host that was opened without one, that of libvirt's default.
        It can have a user's name in it, and what else was in the URI that was given.
        """
    @property
    def libvirt_version(self) -> tuple[int, int, int]:
        """The version of its libvirt: major, minor, release."""
    @property
    def free_memory(self) -> int:
        """Memory that another guest could get, bytes: what is free, and what only caches files."""
    def capabilities(self) -> str:
        """The host's capabilities, as XML."""
    def guests(self, *, active: bool = False) -> list[Guest]:
        """The guests that the host knows; with `active` those that run or are paused."""
    def guest(self, name_or_uuid: str) -> Guest | None:
        """The guest with this name or uuid, or `None`."""
    def compare_cpu(
        self, cpu: str, *, hypervisor: tuple[str, str, str, str] | None = None
    ) -> Literal["incompatible", "identical", "superset"]:
        """What the host's processor is to a `<cpu>`, a guest's or one of another host's capabilities:
        incompatible, identical or superset.

        With `hypervisor` (emulator, architecture, machine, domain type) the hypervisor is asked, which may give
        guests less than the host has.
        """
    def check_definition(self, xml: str) -> None:
        """Has the host read a definition as if to start it. Nothing is kept or started; LibvirtError says why it
        could not be.
        """
    def volume(self, path_or_name: str, *, pool: str | None = None) -> StorageVolume | None:
        """The volume at this path or, with `pool`, of this name in that pool. `None` where no active pool of the host has
        it, which says nothing of files that are in no pool, nor of one that a pool has not looked at yet.
        """
    def pool(self, name: str) -> StoragePool | None:
        """The storage pool of this name, or `None`."""
    def pool_at(self, folder: str) -> StoragePool | None:
        """The active storage pool whose volumes are in this folder, or `None`. There libvirt makes the image of a disk
        that is copied.
        """
    def virtual_network(self, name: str) -> tuple[bool, str] | None:
        """Whether the virtual network of this name is active, and its definition; `None` where the host has none."""
    def interface(self, name: str) -> str | None:
        """The definition of the host's network interface of this name; `None` where it has none."""
    def has_network_filter(self, name: str) -> bool:
        """Whether the host has a network filter of this name."""
    def has_secret(self, uuid: str) -> bool:
        """Whether the host has a secret, by its uuid. Its value is not asked for."""
    def has_secret_for(self, kind: Literal["volume", "ceph", "iscsi", "tls", "vtpm"], usage: str) -> bool:
        """Whether the host has a secret of this kind (volume, ceph, iscsi, tls, vtpm) for this use."""
    def node_devices(
        self, capability: Literal["net", "pci", "usb_device", "scsi_host", "scsi", "mdev"]
    ) -> list[str]:
        """The definitions of the host's devices with a capability: net, pci, usb_device, scsi_host, scsi or mdev."""
    def domain_capabilities(self, hypervisor: tuple[str, str, str, str]) -> str:
        """What the host's hypervisor offers to guests of a `hypervisor` (emulator, architecture, machine, domain type),
        as XML. An empty text leaves the choice to the host.
        """
    def has_file(self, path: str) -> bool:
        """Whether the host has a file, or a folder, at this absolute path. Only for what is no device: the daemon opens it.
        A daemon that cannot tell is an error, never `False`.
        """
    def free_pages(self, cells: Sequence[int], sizes: Sequence[int]) -> dict[tuple[int, int], int]:
        """The free pages of these sizes, bytes, on these NUMA nodes: {(node, size): how many}."""
    def __repr__(self, /) -> str: ...

@final
class StorageVolume:
    """A volume of a storage pool, as its host describes it. Sizes are bytes."""
    @property
    def name(self) -> str:
        """Its name in the pool."""
    @property
    def type(self) -> str:
        """What it is: file, block, network, …"""
    @property
    def path(self) -> str | None:
        """Where it is; of a network volume its name."""
    @property
    def capacity(self) -> int:
        """What a guest sees of it."""
    @property
    def physical(self) -> int | None:
        """The length of the file or device, which is what a guest sees of an image that is taken for raw."""
    @property
    def format(self) -> str | None:
        """raw, qcow2, …, as libvirt has found out."""
    @property
    def backing_file(self) -> str | None:
        """The file that holds what the image itself does not, or `None`."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...

@final
class StoragePool:
    """A storage pool, as its host describes it."""
    @property
    def name(self) -> str:
        """Its name."""
    @property
    def type(self) -> str:
        """What it is: dir, netfs, logical, …"""
    @property
    def path(self) -> str | None:
        """The folder of its volumes, if they have one."""
    @property
    def is_active(self) -> bool:
        """Whether it is active: only then its volumes are known, and made."""
    @property
    def available(self) -> int:
        """Bytes that were free when libvirt looked at it last."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...

@final
class HostAnswer:
    """What one host said of a guest."""
    @property
    def host(self) -> str:
        """The host, as it was given."""
    @property
    def state(self) -> GuestState | None:
        """What the guest does there; `None` where the host does not know it or could not be asked."""
    @property
    def persistent(self) -> bool | None:
        """Whether the host keeps a definition of it when it is shut off; `None` as for `state`."""
    @property
    def error(self) -> str | None:
        """Why the host could not be asked; `None` where it answered."""
    def to_dict(self) -> dict[str, Any]:
        """Everything, by name; the state in words."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...

@final
class Whereabouts:
    """Where a guest is, by the word of all hosts that could be asked."""
    @property
    def state(
        self,
    ) -> Literal[
        "running",
        "paused",
        "migrating",
        "post-copy",
        "post-copy-broken",
        "shut off",
        "absent",
        "several",
        "unknown",
    ]:
        """running, paused or shut off: at `host`. migrating, post-copy or post-copy-broken: between two hosts, and
        its processors are at `host`. absent: no host knows it. several: it is active at more than one, in a way
        that no migration leaves. unknown: hosts that could not be asked may have it.
        """
    @property
    def host(self) -> str | None:
        """The host where the guest is, as it was given; `None` where no single one is."""
    @property
    def answers(self) -> tuple[HostAnswer, ...]:
        """What each host said, in the order in which they were given."""
    def to_dict(self) -> dict[str, Any]:
        """Everything, by name."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...

def where_is(guest: str | Guest, hosts: Iterable[str | Host], *, timeout: float | None = None) -> Whereabouts:
    """Where a guest is among these hosts, whatever became of its migrations.

    `guest` is its name or uuid, or a `Guest`; `hosts` are URIs of daemons, or `Host`s. All are asked at once, and
    those that do not answer within `timeout` seconds count as hosts that cannot be asked.

    Raises InvalidParameter; a host that cannot be asked is no error but an answer.
    """

_Location = Literal[
    "source-running",
    "source-paused",
    "destination-running",
    "destination-paused",
    "both-paused",
    "both-running",
    "post-copy-broken",
    "source-shut-off",
    "destination-shut-off",
    "both-shut-off",
    "absent",
    "unknown",
]

def guest_location(
    source: Sequence[int] | Literal["unknown"] | None, destination: Sequence[int] | Literal["unknown"] | None
) -> _Location:
    """Where a guest is that was to be moved from the source to the destination, from what the two hosts said of it: as
    `Outcome.guest_location`. The source is to be asked first.

    An answer is libvirt's state and its reason, as of `virDomain.state()`; `None` where the host does not know the guest;
    "unknown" where it could not be asked. A guest in a post-copy that goes on is at neither host: "unknown". One that
    runs at neither by the word of both is shut off where its definition is, or "absent".
    """

@final
class Convergence:
    """What is wanted of a migration: the longest pause that the guest may see, a deadline, and what is allowed.

    Times are seconds. `post_copy` allows to let the guest run at the destination before all of its memory is
    there, `throttle` to slow it down. `on_deadline` is "abort", or "force": finish at any price, by post-copy where
    that is allowed and else by pausing the guest. `max_post_copy` bounds post-copy: where the rest would have to follow for
    longer than that, it is not begun, except by force. The default is Nova's pause of 0.5 s, no deadline, and
    nothing else that the guest would notice. `exclusive` keeps the guest from running at both hosts at any moment,
    whatever breaks: it is sent paused and told to go on at the destination once the source is known to have given it up,
    which makes its pause longer by that. It does not go with post-copy. `choose_transport` has memory sent over several
    connections and compressed where that is known to be faster, unless the parameters say how it travels. `Convergence.schedule`
    is Nova's way instead.

    Raises InvalidParameter for what makes no sense.
    """
    def __new__(
        cls,
        *,
        max_downtime: float = 0.5,
        deadline: float | None = None,
        post_copy: bool = False,
        throttle: bool = False,
        on_deadline: Literal["abort", "force"] = "abort",
        max_post_copy: float | None = None,
        exclusive: bool = False,
        choose_transport: bool = True,
    ) -> Convergence: ...
    @staticmethod
    def schedule(
        *,
        max_downtime: float = 0.5,
        steps: int = 10,
        delay: int = 75,
        completion_timeout: int = 800,
        timeout_action: Literal["abort", "force_complete"] = "abort",
        post_copy: bool = False,
        data_gb: float | None = None,
    ) -> Convergence:
        """Nova's schedule, with the defaults of its options `live_migration_*`: `max_downtime` is the last step (Nova's
        `downtime`, which is ms there), `delay` and `completion_timeout` are s per GiB, `timeout_action` is "abort"
        or "force_complete". `data_gb` is Nova's count of the data, by default what libvirt tells.
        """
    @property
    def policy(self) -> Literal["adaptive", "schedule"]:
        """How convergence is brought about: adaptive or schedule."""
    @property
    def max_downtime(self) -> float:
        """The longest pause that the guest may see at the switchover, s."""
    @property
    def deadline(self) -> float | None:
        """When the migration should be over, s after its start; `None` waits for ever. The schedule's depends on
        the data, and is not told here.
        """
    @property
    def post_copy(self) -> bool:
        """Whether post-copy may be used."""
    @property
    def throttle(self) -> bool:
        """Whether the guest may be slowed down."""
    @property
    def on_deadline(self) -> Literal["abort", "force"]:
        """What to do when the deadline passes: abort or force."""
    @property
    def max_post_copy(self) -> float | None:
        """The longest that the guest may run at the destination while memory of it is missing, s; `None` has no bound."""
    @property
    def exclusive(self) -> bool:
        """Whether the guest is sent paused, so that it runs at both hosts at no moment."""
    @property
    def choose_transport(self) -> bool:
        """Whether memory may be sent over several connections and compressed, where that is known to be faster."""
    def to_dict(self) -> dict[str, Any]:
        """Everything, by name."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...

@final
class Forecast:
    """How a migration will go, as far as that is known before it begins."""
    @property
    def ends(self) -> bool:
        """Whether it comes to its end with what the intent allows."""
    @property
    def sure(self) -> float:
        """The part of the guests that fit to what is known of which `ends` is right, 0.5 to 1."""
    @property
    def post_copy(self) -> bool:
        """Whether post-copy ends it."""
    @property
    def time(self) -> tuple[float, float, float] | None:
        """How long it takes, s: the least, what is expected, and the most; `None` where it does not end."""
    @property
    def pause(self) -> tuple[float, float, float] | None:
        """The pause at the switchover, s, as `time`."""
    @property
    def passes(self) -> tuple[float, float, float] | None:
        """Passes over the memory, as `time`."""
    @property
    def sent(self) -> tuple[float, float, float] | None:
        """Memory that is sent, bytes, as `time`."""
    @property
    def helps(self) -> list[dict[str, Any]]:
        """What would end it where it does not end, the mildest first, as arguments of `Convergence`."""
    def to_dict(self) -> dict[str, Any]:
        """Everything, by name."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...

@final
class GuestForecast:
    """How the migration of a guest will go, and what that was made of: `Guest.forecast`."""
    @property
    def forecast(self) -> Forecast:
        """How it will go, over whichever link of those that it may be."""
    @property
    def by_link(self) -> list[tuple[float, Forecast]]:
        """The same for each link that it may be, bytes/s: one where it is known."""
    @property
    def link(self) -> float | None:
        """What the link carries, bytes/s; `None` where nobody knows it."""
    @property
    def link_from(self) -> Literal["given", "learnt", "unknown"]:
        """How that is known: given, learnt (from a migration of this process between these hosts) or unknown."""
    @property
    def memory(self) -> int:
        """Memory that is sent at least once, bytes."""
    @property
    def dirtied(self) -> list[tuple[float, float]]:
        """What was measured of its writes: times (s), and the bytes that were found dirty after them."""
    @property
    def unknown(self) -> list[str]:
        """What could not be known, a sentence each."""
    def to_dict(self) -> dict[str, Any]:
        """Everything, by name: that of `forecast`, and the rest beside it."""

def forecast(
    memory: float,
    link: float,
    *,
    dirtied: Sequence[tuple[float, float]] = ...,
    disks: float = 0.0,
    convergence: Convergence | None = None,
) -> Forecast:
    """How a migration will go that is moved with this intent (by default `Convergence()`), over a link that carries `link` bytes/s.

    `memory` are the bytes that have to be moved, without pages that are known to be empty; `disks` those of disks that are copied
    first. `dirtied` is what was measured of the guest: pairs of a time (s) and the bytes that were found dirty after it, each page
    counted once. libvirt's dirty-rate calculation tells bytes/s, so that is its rate times its period. Two periods tell much more
    than one, and without any no forecast is sure.

    Several guests that fit to it are moved in a simulator, for some milliseconds to a second. Nothing is asked of any host. Raises
    InvalidParameter for what is no size, rate or time, and for `Convergence.schedule`.
    """

@final
class Progress:
    """How far a migration is. Times are seconds, sizes bytes, rates bytes/s; `None` while unknown."""
    @property
    def phase(self) -> Literal["setup", "disks", "memory", "switchover", "post-copy", "finishing"]:
        """setup, disks, memory, switchover, post-copy or finishing."""
    @property
    def elapsed(self) -> float:
        """Since the start."""
    @property
    def fraction(self) -> float:
        """The part that is done, 0 to 1; never goes back. 1 means that all of the guest is at the destination."""
    @property
    def memory_total(self) -> int:
        """Memory of the guest; 0 while unknown."""
    @property
    def memory_processed(self) -> int:
        """Memory moved; more than the total once pages are sent again."""
    @property
    def memory_remaining(self) -> int:
        """Memory that is known to be left."""
    @property
    def disk_total(self) -> int:
        """Disks to copy."""
    @property
    def disk_processed(self) -> int:
        """Disks copied."""
    @property
    def disk_remaining(self) -> int:
        """Disks left."""
    @property
    def iteration(self) -> int:
        """Passes over the memory, the current one counted; 0 before the first."""
    @property
    def throughput(self) -> float | None:
        """How fast memory is moved (disks in their phase), smoothed."""
    @property
    def dirty_rate(self) -> float | None:
        """How fast the guest dirties memory."""
    @property
    def expected_downtime(self) -> float | None:
        """The pause that the guest would see now."""
    @property
    def expected_time_left(self) -> float | None:
        """Until the end, if it goes on like this; `None` also for what does not end by itself."""
    @property
    def stuck(self) -> bool:
        """It does not end by itself: memory or disks are written to as fast as they are moved."""
    @property
    def throttle(self) -> int:
        """How much the guest is slowed down, %."""
    def to_dict(self) -> dict[str, Any]:
        """Everything, by name."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...

@final
class Decision:
    """Something that was decided and done, or tried: by the policy, on request, or for the guest's sake."""
    @property
    def at(self) -> float:
        """Since the start of the migration, s."""
    @property
    def action(
        self,
    ) -> Literal[
        "set-max-downtime",
        "start-post-copy",
        "pause",
        "abort",
        "restart",
        "restart-compressed",
        "set-bandwidth",
        "drop-post-copy",
        "compress",
        "go-plain",
        "resume",
        "resume-destination",
        "trust-destination",
        "reconnect",
        "look",
        "set-autostart",
        "redefine-checkpoints",
        "pause-source",
        "finish-abort",
        "release",
        "resume-post-copy",
        "remove-destination",
        "remove-source",
        "undefine-source",
        "undefine-destination",
    ]:
        """What was done: set-max-downtime, start-post-copy, pause, abort, restart, restart-compressed, set-bandwidth,
        drop-post-copy, compress, go-plain, resume, resume-destination, trust-destination, reconnect, look, set-autostart,
        redefine-checkpoints, pause-source, finish-abort, remove-destination or undefine-destination; by `Guest.recover`
        also release, resume-post-copy, remove-source or undefine-source.
        """
    @property
    def description(self) -> str:
        """The same in words, with figures."""
    @property
    def max_downtime(self) -> float | None:
        """The pause that was allowed by set-max-downtime, s; `None` for all else."""
    @property
    def reason(self) -> str:
        """Why, in a sentence."""
    @property
    def error(self) -> str | None:
        """Why it could not be done; `None` where it was."""
    def to_dict(self) -> dict[str, Any]:
        """Everything, by name."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...

@final
class Outcome:
    """How a migration ended."""
    @property
    def total_time(self) -> float:
        """From the start to the end of libvirt's call, s. The guest arrives a second or two before that."""
    @property
    def downtime(self) -> float | None:
        """The pause that the guest saw, as QEMU measured it, s; `None` where nobody told."""
    @property
    def iterations(self) -> int:
        """Passes over the memory."""
    @property
    def bytes(self) -> int:
        """Memory and disks sent."""
    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided and done, in order."""
    @property
    def guest_location(self) -> _Location:
        """Where the guest is: source-running, source-paused, destination-running, destination-paused,
        both-paused, both-running, post-copy-broken, source-shut-off, destination-shut-off, both-shut-off, absent or
        unknown.
        """
    @property
    def left_behind(self) -> tuple[str, ...]:
        """What belonged to the guest and did not come along, a sentence each; empty where all of it did."""
    def to_dict(self) -> dict[str, Any]:
        """Everything, by name."""
    def __eq__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...

@final
class Migration:
    """A migration that runs, or is over. Letting go of it leaves it running: `Guest.adopt_migration` finds it again.

    Iterate over it for `Progress`, `await` it or call `result()` for its `Outcome`.
    """
    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is over, at most `timeout` seconds; says whether it is. Raises nothing of the migration's."""
    def result(self, timeout: float | None = None) -> Outcome:
        """Waits until it is over, for ever or at most `timeout` seconds, and returns its outcome. Raises MigrationFailed or
        MigrationCancelled, whose `outcome` tells the same, and TimeoutError where it is not over by then: it goes on.
        """
    def abort(self) -> None:
        """Aborts it: the guest goes on at the source. Returns once libvirt was asked; `result()` waits for the end,
        which may be a success where the guest had arrived before. After the end nothing is done. Refused in
        post-copy, where neither host has all of the guest.
        """
    def force_complete(self) -> None:
        """Gets it over at any price: by post-copy where that is allowed, else by pausing the guest until it has
        moved. After the end nothing is done.
        """
    def set_bandwidth(self, mib_per_second: int) -> None:
        """Limits the bandwidth, in MiB/s; 0 is unlimited. In post-copy the limit is post-copy's own."""
    def set_max_downtime(self, seconds: float) -> None:
        """Sets the longest pause that the guest may see, in seconds: above 0, and 2000 at most."""
    @property
    def progress(self) -> Progress:
        """The last progress."""
    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided and done so far, in order."""
    @property
    def done(self) -> bool:
        """Whether it is over."""
    @property
    def has_events(self) -> bool:
        """Whether libvirt's events drive it. Without them it is polled."""
    def _observe(self, updates: _Updates, function: Callable[[str, Any], object], progress: bool) -> None:
        """Has `function` called with each kind of news and what it tells, by whoever takes from `updates`."""
    def __iter__(self, /) -> Iterator[Progress]: ...
    def __await__(self, /) -> Generator[Any, Any, Outcome]: ...
    def __repr__(self, /) -> str: ...

@final
class _ProgressIterator:
    """The progress of a migration, as long as it runs. A slow reader misses samples, never the last one."""
    def __iter__(self, /) -> _ProgressIterator: ...
    def __next__(self, /) -> Progress: ...

@final
class _Updates:
    """A queue of news for Python functions."""
    def __new__(cls) -> _Updates: ...
    def take(self) -> tuple[Callable[[str, Any], None], list[tuple[str, Any]]] | None:
        """Waits for news, without the GIL. Returns a function and the arguments of its calls, or `None` once the
        queue is closed.
        """
    def close(self) -> None:
        """Wakes whoever takes, for the last time."""

@final
class _Waiter:
    """Who waits for the end of a call."""
    def tell(self, error: BaseException | None = None) -> None:
        """The call is over: with an exception, or well."""

def _close() -> None:
    """Before the interpreter goes: no thread comes back to it, and none of this package calls it any more."""

# Not in what users get: only builds with debug assertions have it, for the tests.
def _panic(*, released: bool = False) -> None:
    """Panics, with the GIL or, with `released`, without it."""

@final
class PolicyDecision:
    """One thing to do to a migration, and why."""
    @property
    def at(self) -> float:
        """Since the start of the migration, s."""
    @property
    def action(self) -> Literal["set-max-downtime", "start-post-copy", "pause", "abort", "restart"]:
        """What to do, as a `Decision` of a migration says what was done: set-max-downtime, start-post-copy, pause, abort
        or restart.
        """
    @property
    def description(self) -> str:
        """The same in words, with figures."""
    @property
    def max_downtime(self) -> float | None:
        """Of set-max-downtime: the pause to allow, s; `None` for all else."""
    @property
    def reason(self) -> str:
        """Why: one sentence with the figures."""
    def __repr__(self, /) -> str: ...

@final
class ConvergencePolicy:
    """Decides about one migration that somebody else runs: samples go in, decisions come out.

    It has no clock and does nothing itself. Call `begin` as soon as there is a job, `observe` for each sample,
    and then `succeeded` or `failed` for each decision that was carried out. An action that failed is asked for
    again, one that succeeded is not.
    """
    def __new__(cls, convergence: Convergence, flags: int | None = None) -> ConvergencePolicy: ...
    def begin(self, elapsed: float) -> list[PolicyDecision]:
        """What to do before there is anything to measure, `elapsed` seconds after the start."""
    def observe(
        self,
        stats: dict[str, Any],
        elapsed: float,
        *,
        post_copy: bool = False,
        switchover: bool = False,
        forced: bool = False,
        max_downtime: float | None = None,
    ) -> list[PolicyDecision]:
        """What to do now. `stats` are libvirt's job statistics under its names, with `type`; `elapsed` is seconds
        since the start; `post_copy` says that post-copy has begun, `switchover` that the guest was stopped at
        the source, `forced` that somebody has forced it (it is not given up then), and `max_downtime` is the limit that was
        set last, s.
        """
    def succeeded(self, decision: PolicyDecision) -> None:
        """The decision was carried out."""
    def failed(self, decision: PolicyDecision, elapsed: float) -> None:
        """The decision could not be carried out, `elapsed` seconds after the start."""
    @property
    def stuck(self) -> str | None:
        """Why the guest will not converge by waiting, in a sentence; `None` while that is not so."""
