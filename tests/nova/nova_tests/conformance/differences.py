"""The tests of Nova's that come out differently with the drop-in, and why ours is right.

A test is named by the end of its id. scripts/conformance fails on a difference that is not here, and on one
that is here and does not happen.
"""

from __future__ import annotations

_DRIVER = "test_driver.LibvirtConnTestCase"
_MIGRATION = "test_migration.UtilityMigrationTestCase"

REASONS: dict[str, str] = {
    f"{_MIGRATION}.test_update_volume_xml_keeps_address": (
        "Nova gives a disk of a running guest another target (sdb becomes sdc), and libvirt refuses to "
        "migrate then (virDomainDiskDefCheckABIStability). The target stays here"
    ),
    f"{_MIGRATION}.test_update_pci_dev_xml_fails_not_found_src_address": (
        "the test wants the whole definition in the error, which is logged and kept as the instance's fault. "
        "A migratable definition has the passwords of its displays (VIR_DOMAIN_XML_MIGRATABLE implies them). "
        "Here the error has line and column"
    ),
    f"{_MIGRATION}.test_update_vif_xml_no_matching_vif": (
        "the test wants a bare KeyError of a MAC address, which tells an operator nothing. Here it is a "
        "MigrationError, which says what is missing and where"
    ),
    f"{_DRIVER}.test_live_migration_monitor_downtime": (
        "the test gives the monitor steps by the clock that no option can give. With Nova's own a guest that "
        "needs a pause of 80 ms waits for the second step, 150 s for 2 GiB, whatever it does. The default "
        "policy goes by what is measured; tests/nova/nova_tests/test_monitor.py compares the policy "
        "`schedule` with Nova's steps"
    ),
    f"{_DRIVER}.test_live_migration_monitor_force_complete_postcopy": (
        "the test has post-copy started in a job that has moved nothing: QEMU can start it only once memory "
        "moves, and a migration that is asked before fails. It is started then here"
    ),
    f"{_DRIVER}.test_live_migration_monitor_job_stats_internal_error": (
        "the test has one look at the job fail, and the migration given up for it: the watch ends, and the "
        "job goes on unless an abort succeeds. One failed look ends nothing here"
    ),
}

#: The tests that the fix of Launchpad bug 1890501 came with: they pass with the drop-in as users have it,
#: without the adapter.
RULE = (
    "test_guest.GuestTestCase.test_migrate_v3",
    *(
        f"{_DRIVER}.test_live_migration_{name}"
        for name in (
            "update_graphics_xml",
            "update_volume_xml",
            "update_serial_console_xml",
            "with_valid_target_connect_addr",
            "uses_migrateToURI3",
            "raises_exception",
            "block_migration_all_filtered",
            "block_migration_with_devices",
        )
    ),
)
