"""The tests of Nova's that come out differently with the drop-in, and why ours is right.

A test is named by the end of its id. scripts/conformance fails on a difference that is not here, and on one that is
here and does not happen.
"""

from __future__ import annotations

_ORDER = "the order of elements of different names, which libvirt does not look at"
_NO_NAME = (
    "the test's definition has no <name>, or is no XML: the drop-in refuses to send what libvirt would refuse, "
    "and the test only looks at what would be sent"
)

REASONS: dict[str, str] = {
    "test_guest.GuestTestCase.test_migrate_v3": _NO_NAME,
    "test_migration.UtilityMigrationTestCase.test_update_volume_xml_add_encryption": _ORDER,
    "test_migration.UtilityMigrationTestCase.test_update_volume_xml_keeps_address": (
        "Nova renames the guest's disk (sdb to sdc), and libvirt refuses to migrate then; the target stays here"
    ),
    "test_migration.UtilityMigrationTestCase.test_update_pci_dev_xml_fails_not_found_src_address": (
        "the message, which has line and column here and not the whole definition with its passwords"
    ),
    "test_migration.UtilityMigrationTestCase.test_update_vif_xml_no_mac_address_in_xml": (
        "the message, which has line and column here"
    ),
    "test_migration.UtilityMigrationTestCase.test_update_vif_xml_no_matching_vif": (
        "a MigrationError that says what is missing, in place of a bare KeyError"
    ),
    "test_live_migration_update_downtime_err": (
        "a step that libvirt refused is not in force, so it is tried again; Nova takes it for done"
    ),
}
