"""What newer libvirts brought: used where the hosts have it, refused with the reason where they have not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import libvirt

from libvirt_migrate import Host as Asked
from libvirt_migrate import InvalidParameter, LibvirtError
from libvirt_migrate.cli.checks.check import Pair
from libvirt_migrate.cli.checks.run import check_versions
from libvirt_migrate.lab import Host, Lab, Workload

from .scene import DEFAULT, F, check_moved, check_stayed, stage
from .ways import DISK, check_copied, make_images, version


@dataclass(frozen=True)
class Feature:
    """A parameter, or a value of one."""

    name: str
    #: The parameter that a refusal names.
    param: str
    since: tuple[int, int, int]
    values: dict[str, Any]
    #: The guest has a disk that is copied.
    disk: bool = False


IDLE = Workload(working_set=4, rest=20)
#: libvirt's codes for what its QEMU has not got.
UNSUPPORTED = (
    libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
    libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
)

_COPIED = {"flags": DEFAULT | F.NON_SHARED_DISK, "migrate_disks": ["vda"]}
_MULTIFD = {"flags": DEFAULT | F.COMPRESSED | F.PARALLEL, "parallel_connections": 2}

FEATURES = (
    Feature(
        "bandwidth.avail.switchover",
        "bandwidth.avail.switchover",
        (11, 1, 0),
        {"bandwidth_avail_switchover": 1 << 30},
    ),
    Feature(
        "zlib level",
        "compression.zlib.level",
        (9, 4, 0),
        {**_MULTIFD, "compression": ["zlib"], "compression_zlib_level": 1},
    ),
    Feature(
        "zstd level",
        "compression.zstd.level",
        (9, 4, 0),
        {**_MULTIFD, "compression": ["zstd"], "compression_zstd_level": 1},
    ),
    Feature(
        "zero detection",
        "migrate_disks_detect_zeroes",
        (10, 9, 0),
        {
            **_COPIED,
            "migrate_disks_detect_zeroes": ["vda"],
        },
        disk=True,
    ),
    Feature(
        "images that are all zeroes",
        "migrate_disks_target_zero",
        (12, 2, 0),
        {
            **_COPIED,
            "migrate_disks_target_zero": ["vda"],
        },
        disk=True,
    ),
    Feature(
        "two compression methods",
        "compression",
        (1, 3, 4),
        {"compression": ["xbzrle", "mt"], "compression_mt_level": 1, "compression_xbzrle_cache": 1 << 24},
    ),
)


def try_feature(feature: Feature, lab: Lab, source: Host, destination: Host) -> str:
    """Uses a feature, or sees it refused; returns which."""
    if feature.disk:
        make_images(source, destination)
    name = f"feature-{feature.param.replace('.', '-').replace('_', '-')}"
    # Compressing takes time: memory that changes fast would not be sent before it has changed again.
    with stage(lab, source, destination, name, IDLE, devices=DISK if feature.disk else "") as scene:
        params = scene.params(**feature.values)
        refusal = None
        try:
            scene.ours.migrate(params)
        except (InvalidParameter, LibvirtError) as error:
            refusal = error
        if refusal is None:
            found = dotted(version(source))
            assert version(source) >= feature.since, f"{found} lacks {feature.param}, and it was not refused"
            check_moved(scene)
            if feature.disk:
                check_copied(destination)
            return "used"
        check_stayed(scene)
        told = str(refusal)
        if isinstance(refusal, InvalidParameter):
            check_refusal(feature, version(source), told)
        elif version(destination) < feature.since:
            # The library asks the destination once that has refused, the check before a migration both hosts.
            check_refusal(feature, version(destination), told)
            told = check_versions(_pair(source, destination), params).reason
            check_refusal(feature, version(destination), told)
        else:
            assert isinstance(refusal, LibvirtError), refusal
            assert refusal.code in UNSUPPORTED, f"{refusal} (libvirt's code {refusal.code})"
        return f"refused: {' '.join(told.split())}"


def check_refusal(feature: Feature, found: tuple[int, int, int], told: str) -> None:
    """It names the parameter, the libvirt that has it, and the one that was found."""
    assert found < feature.since, f"{dotted(found)} has it, and it is refused: {told}"
    for part in (feature.param, f"needs libvirt {dotted(feature.since)}", f"has {dotted(found)}"):
        assert part in told, f"{part!r} is not in the refusal: {told}"


def _pair(source: Host, destination: Host) -> Pair:
    ends = [Asked.open(host.uri) for host in (source, destination)]
    nobody: Any = None
    return Pair(nobody, ends[0], ends[1], source.uri, destination.uri)


def dotted(version: tuple[int, int, int]) -> str:
    """9.4.0."""
    return ".".join(map(str, version))
