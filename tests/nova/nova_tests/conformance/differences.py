"""The tests of Nova's that come out differently with the drop-in, and why ours is right.

A test is named by the end of its id. scripts/conformance fails on a difference that is not here, and on one
that is here and does not happen.
"""

from __future__ import annotations

_DRIVER = "test_driver.LibvirtConnTestCase"
_MIGRATION = "test_migration.UtilityMigrationTestCase"
_MIGRATE = "test_migration.MigrationMonitorTestCase"

_ORDER = "the order of elements of different names, which libvirt does not look at"
_BYTES = (
    "the test compares text; the drop-in leaves quotes, white space and empty elements as libvirt "
    "printed them"
)
_NO_NAME = (
    "the test's definition has no <name>, or is no XML: the drop-in refuses to send what libvirt would "
    "refuse, "
    "and the test only looks at what would be sent"
)
_NO_DOMAIN = "the test's definition is not a <domain>, so there is nothing to retarget"

REASONS: dict[str, str] = {
    "test_guest.GuestTestCase.test_migrate_v3": _NO_NAME,
    f"{_MIGRATION}.test_update_volume_xml_add_encryption": _ORDER,
    f"{_MIGRATION}.test_update_volume_xml_keeps_address": (
        "Nova renames the guest's disk (sdb to sdc), and libvirt refuses to migrate then; the target "
        "stays here"
    ),
    f"{_MIGRATION}.test_update_pci_dev_xml_fails_not_found_src_address": (
        "the message, which has line and column here and not the whole definition with its passwords"
    ),
    f"{_MIGRATION}.test_update_vif_xml_no_mac_address_in_xml": "the message, which has line and column here",
    f"{_MIGRATION}.test_update_vif_xml_no_matching_vif": (
        "a MigrationError that says what is missing, in place of a bare KeyError"
    ),
    f"{_MIGRATE}.test_live_migration_update_downtime_err": (
        "a step that libvirt refused is not in force, so it is tried again; Nova takes it for done"
    ),
    f"{_DRIVER}.test_live_migration_block_migration_all_filtered": _NO_DOMAIN,
    f"{_DRIVER}.test_live_migration_block_migration_with_devices": _NO_DOMAIN,
    f"{_DRIVER}.test_live_migration_raises_exception": _NO_DOMAIN,
    f"{_DRIVER}.test_live_migration_update_graphics_xml": _NO_NAME,
    f"{_DRIVER}.test_live_migration_update_serial_console_xml": _NO_NAME,
    f"{_DRIVER}.test_live_migration_update_volume_xml": _NO_NAME,
    f"{_DRIVER}.test_live_migration_with_valid_target_connect_addr": _NO_NAME,
    f"{_DRIVER}.test_live_migration_uses_migrateToURI3": (
        "disks to copy without a flag to copy disks: libvirt refuses that, and the drop-in says so "
        "before it is asked"
    ),
    f"{_DRIVER}.test_live_migration_monitor_downtime": (
        "the test replaces Nova's list of downtime steps; the policy here makes its own from the same "
        "options, "
        "which tests/nova/nova_tests/test_monitor.py compares with Nova's"
    ),
    f"{_DRIVER}.test_live_migration_monitor_force_complete_postcopy": (
        "the test's job has no statistics at all: the policy here forces a migration only once memory "
        "moves, since a "
        "switch to post-copy before that fails"
    ),
    f"{_DRIVER}.test_live_migration_monitor_job_stats_internal_error": (
        "statistics that cannot be read once do not end the watch: the migration goes on, and is watched "
        "to its end"
    ),
    f"{_DRIVER}.test_update_volume_xml_no_connection_info": _BYTES,
    f"{_DRIVER}.test_update_volume_xml_no_serial": _BYTES,
}
