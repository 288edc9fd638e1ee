//! Parameters that are sent as they are: nothing is refused, and the two definitions travel together all the same.

use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::params::{DESTINATION_XML, MigrateParams, PERSISTENT_XML, Param, Value};
use proptest::prelude::*;

fn given(xml: Option<&str>, values: Vec<(Param, Value)>, flags: F) -> MigrateParams {
    MigrateParams::as_given(xml.map(str::to_owned), values, "no uri".into(), flags)
}

proptest! {
    /// Whatever the text is, it is both definitions, or there is none.
    #[test]
    fn the_definitions_travel_together(xml in proptest::option::of(".{0,40}"), bits in any::<u32>()) {
        let params = given(xml.as_deref(), vec![], F::from_bits_retain(bits));
        let sent: Vec<_> = params.definitions().collect();
        let expected: Vec<_> = xml.iter().flat_map(|xml| [(DESTINATION_XML, xml.as_str()), (PERSISTENT_XML, xml)]).collect();
        prop_assert_eq!(sent, expected);
        prop_assert_eq!(params.flags().bits(), bits);
    }
}

#[test]
fn nothing_is_refused_added_or_taken_away() {
    let disks = Value::String("vda".into());
    let values = vec![(Param::MigrateDisks, disks.clone()), (Param::MigrateUri, Value::String("?".into()))];
    // Disks without a flag to copy them, and flags that exclude each other.
    let params = given(Some("</xml>"), values, F::TUNNELLED | F::NON_SHARED);
    assert_eq!(params.get(Param::MigrateDisks), Some(&disks));
    assert_eq!(params.flags(), F::TUNNELLED | F::NON_SHARED);
    assert_eq!(params.destination(), Some("no uri"));
    assert!(params.definition().is_some_and(|both| both.check_guest(Some("vm"), Some("uuid")).is_ok()));
}

#[test]
fn another_destination_keeps_them_as_they_are() {
    let values = vec![(Param::MigrateDisks, Value::String("vda".into()))];
    let params = given(Some("</xml>"), values, F::empty());
    let other = params.with(Some("elsewhere".into()), Some(F::TUNNELLED)).unwrap();
    assert!(other.is_as_given());
    assert_eq!(other.destination(), Some("elsewhere"));
    assert_eq!(other.names().collect::<Vec<_>>(), [DESTINATION_XML, PERSISTENT_XML, "migrate_disks"]);
}
