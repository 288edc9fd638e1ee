//! The parameters: the pair of definitions, each value's bounds, and the combinations that libvirt refuses.

use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::params::{
    DESTINATION_XML, Definition, Kind, MigrateParams, PERSISTENT_XML, Param, Value,
};
use libvirt_migrate::version::LibvirtVersion;
use libvirt_migrate::{Error, Result};
use proptest::prelude::*;

const XML: &str = "<domain><name>vm</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid></domain>";
const KEPT: &str =
    "<domain><name>vm</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><vcpu>2</vcpu></domain>";

fn with(flags: F, values: Vec<(Param, Value)>) -> Result<MigrateParams> {
    MigrateParams::new(None, values, None, Some(flags))
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (String, String) {
    match result.unwrap_err() {
        Error::InvalidParameter { name, reason } => (name, reason),
        other => panic!("{other:?}"),
    }
}

fn list(items: &[&str]) -> Value {
    Value::Strings(items.iter().map(|item| (*item).to_owned()).collect())
}

fn number(number: i128) -> Value {
    Value::Number(number)
}

/// A value that suits the parameter's type, mostly within its bounds.
fn value_for(param: Param) -> BoxedStrategy<Value> {
    match param.kind() {
        Kind::String => "[a-z]{0,4}".prop_map(Value::String).boxed(),
        Kind::Uri => prop_oneof![Just("tcp://h"), Just("unix:///s"), Just("no uri")]
            .prop_map(|uri| Value::String(uri.into()))
            .boxed(),
        Kind::Disks => proptest::collection::vec("vd[a-c]", 0..3).prop_map(Value::Strings).boxed(),
        Kind::Methods => {
            proptest::collection::vec(prop_oneof![Just("xbzrle"), Just("zstd"), Just("lzo")], 0..3)
                .prop_map(|items| list(&items))
                .boxed()
        }
        Kind::Int(min, max) => (i128::from(min) - 1..=i128::from(max) + 1).prop_map(Value::Number).boxed(),
        Kind::UnsignedLong(..) => any::<i64>().prop_map(|n| Value::Number(n.into())).boxed(),
        other => panic!("no values are known for {other:?}"),
    }
}

fn any_values() -> impl Strategy<Value = Vec<(Param, Value)>> {
    let one = proptest::sample::select(Param::ALL)
        .prop_flat_map(|param| value_for(param).prop_map(move |value| (param, value)));
    proptest::collection::vec(one, 0..4)
}

fn any_definitions() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let xml = prop_oneof![Just(XML), Just(KEPT), Just("<domain/>"), Just("")];
    proptest::collection::vec((prop_oneof![Just(DESTINATION_XML), Just(PERSISTENT_XML)], xml), 0..3)
}

fn any_flags() -> impl Strategy<Value = Option<F>> {
    proptest::option::of((0..=F::all().bits()).prop_map(F::from_bits_truncate))
}

/// Both or none, and the same through every way of reading.
fn assert_paired(params: &MigrateParams) {
    let names: Vec<_> = params.names().collect();
    let (live, kept) = (names.contains(&DESTINATION_XML), names.contains(&PERSISTENT_XML));
    assert_eq!(live, kept, "{names:?}");
    assert_eq!(params.definitions().count(), if live { 2 } else { 0 });
    assert_eq!(params.definition().is_some(), live);
}

proptest! {
    #[test]
    fn no_constructor_gives_one_definition_without_the_other(
        definitions in any_definitions(),
        values in any_values(),
        flags in any_flags(),
        other_flags in any_flags(),
    ) {
        let typed = definitions.first().and_then(|(_, xml)| {
            Definition::new(*xml, definitions.get(1).map(|(_, xml)| (*xml).into())).ok()
        });
        let mut made = vec![MigrateParams::new(typed, values.clone(), None, flags)];
        let entries = definitions.iter().map(|(name, xml)| ((*name).to_owned(), Value::String((*xml).into())));
        let named = values.into_iter().map(|(param, value)| (param.name().to_owned(), value));
        made.push(MigrateParams::from_names(entries.chain(named), Some("qemu:///system".into()), flags));
        for params in made.into_iter().flatten() {
            assert_paired(&params);
            if let Ok(changed) = params.with(Some("qemu+tcp://h/system".into()), other_flags) {
                assert_paired(&changed);
            }
        }
    }

    #[test]
    fn making_parameters_again_from_what_they_say_changes_nothing(values in any_values(), flags in any_flags()) {
        if let Ok(params) = MigrateParams::new(None, values, None, flags) {
            prop_assert_eq!(&params.with(None, None).unwrap(), &params);
        }
    }
}

#[test]
fn a_definition_alone_is_kept_as_well() {
    let both = Definition::new(XML, None).unwrap();
    assert_eq!((both.destination(), both.persistent()), (XML, XML));
    let both = Definition::new(XML, Some(KEPT.into())).unwrap();
    assert_eq!((both.destination(), both.persistent()), (XML, KEPT));
    let mapping = [(DESTINATION_XML.to_owned(), Value::String(XML.into()))];
    let params = MigrateParams::from_names(mapping, None, None).unwrap();
    assert_eq!(params.definitions().collect::<Vec<_>>(), [(DESTINATION_XML, XML), (PERSISTENT_XML, XML)]);
}

#[test]
fn definitions_of_other_domains_are_refused() {
    let renamed = XML.replace("vm", "other");
    let (name, reason) = refusal(Definition::new(XML, Some(renamed.as_str().into())));
    assert_eq!(name, PERSISTENT_XML);
    assert!(reason.contains("\"other\"") && reason.contains("destination_name"), "{reason}");
    let moved = XML.replace("4dea", "5dea");
    assert!(refusal(Definition::new(XML, Some(moved.as_str().into()))).1.contains("uuid 5dea"));

    let both = Definition::new(XML, None).unwrap();
    // The same uuid, written otherwise; a text that is none is compared as it is.
    let plain = XML.replace("4dea22b3-1d52-d8f3-2516-782e98ab3fa0", " 4DEA22b31d52d8f32516782e98ab3fa0\n");
    Definition::new(XML, Some(plain.as_str().into())).unwrap();
    let written = Definition::new(plain, None).unwrap();
    assert_eq!(written.identity().unwrap().uuid.as_deref(), Some("4dea22b3-1d52-d8f3-2516-782e98ab3fa0"));
    written.check_guest(Some("vm"), Some("4dea22b3-1d52-d8f3-2516-782e98ab3fa0")).unwrap();
    let no_uuid = Definition::new("<domain><name>vm</name><uuid>None</uuid></domain>", None).unwrap();
    no_uuid.check_guest(None, Some("none")).unwrap();
    let (name, reason) = refusal(both.check_guest(Some("vm2"), None));
    assert!(name == DESTINATION_XML && reason.contains("destination_name"), "{reason}");
    assert!(refusal(both.check_guest(Some("vm"), Some("0"))).1.contains("uuid"));
    both.check_guest(Some("vm"), Some("4DEA22B3-1D52-D8F3-2516-782E98AB3FA0")).unwrap();
    both.check_guest(Some("vm"), Some("4dea22b31d52d8f32516782e98ab3fa0")).unwrap();
}

#[test]
fn every_parameter_is_there_once_with_its_release() {
    // 25 in libvirt 12.8.0, of which a Definition is two.
    assert_eq!(Param::ALL.len(), 23);
    for param in Param::ALL {
        assert_eq!(Param::from_name(param.name()), Some(*param));
        assert!(param.since() > LibvirtVersion::new(1, 0, 0));
    }
}

#[test]
fn values_out_of_bounds_name_the_parameter() {
    for (param, value) in [
        (Param::Bandwidth, number(-1)),
        (Param::Bandwidth, number(1 << 43)),
        (Param::DisksPort, number(65536)),
        (Param::ParallelConnections, number(0)),
        (Param::ParallelConnections, number(256)),
        (Param::AutoConvergeInitial, number(100)),
        (Param::CompressionXbzrleCache, number(3)),
        (Param::Bandwidth, list(&["a"])),
        (Param::MigrateUri, Value::String(String::new())),
        (Param::MigrateUri, Value::String("two words".into())),
        (Param::ListenAddress, Value::String("a\0b".into())),
        (Param::MigrateDisks, list(&["vda", "vda"])),
        (Param::MigrateDisks, list(&[""])),
        (Param::Compression, list(&["gzip"])),
        (Param::Compression, list(&["mt", "mt"])),
    ] {
        let (name, _) = refusal(MigrateParams::new(None, [(param, value)], None, None));
        assert_eq!(name, param.name());
    }
}

#[test]
fn libvirts_refused_combinations_are_refused_here() {
    for flags in [
        F::POSTCOPY,
        F::DEFAULT | F::POSTCOPY | F::PAUSED,
        F::DEFAULT | F::POSTCOPY | F::TUNNELLED,
        F::DEFAULT | F::ZEROCOPY,
        F::DEFAULT | F::TUNNELLED | F::NON_SHARED_DISK,
        F::LIVE | F::TUNNELLED,
        F::DEFAULT | F::NON_SHARED_DISK | F::NON_SHARED_INC,
        F::OFFLINE,
        F::OFFLINE | F::PERSIST_DEST | F::NON_SHARED_DISK,
        F::OFFLINE | F::PERSIST_DEST | F::PEER2PEER | F::TUNNELLED,
        F::DEFAULT | F::POSTCOPY_RESUME,
        F::LIVE | F::POSTCOPY | F::POSTCOPY_RESUME,
    ] {
        assert_eq!(refusal(with(flags, vec![])).0, "flags", "{flags}");
    }
    let unix = (Param::MigrateUri, Value::String("unix:///tmp/socket".into()));
    assert_eq!(refusal(with(F::DEFAULT | F::TLS, vec![unix.clone()])).0, "tls.destination");
    let name = (Param::TlsDestination, Value::String("host2".into()));
    with(F::DEFAULT | F::TLS, vec![unix, name]).unwrap();
    for (flags, param, value) in [
        (F::DEFAULT, Param::MigrateDisks, list(&["vda"])),
        (F::DEFAULT, Param::BandwidthPostcopy, number(5)),
        (F::DEFAULT, Param::ParallelConnections, number(2)),
        (F::DEFAULT | F::COMPRESSED, Param::CompressionMtLevel, number(1)),
        (F::DEFAULT | F::COMPRESSED, Param::Compression, list(&["zstd"])),
        (F::DEFAULT | F::COMPRESSED | F::PARALLEL, Param::Compression, list(&["xbzrle"])),
        (F::DEFAULT | F::COMPRESSED | F::PARALLEL, Param::Compression, list(&["zlib", "zstd"])),
    ] {
        assert_eq!(refusal(with(flags, vec![(param, value)])).0, param.name());
    }
}

#[test]
fn disks_are_copied_only_when_they_are_named() {
    let disks = (Param::MigrateDisks, list(&["vda"]));
    assert!(
        with(F::DEFAULT | F::NON_SHARED_INC, vec![disks.clone()])
            .unwrap()
            .flags()
            .contains(F::NON_SHARED_INC)
    );
    for values in [vec![], vec![(Param::MigrateDisks, list(&[]))]] {
        assert_eq!(with(F::DEFAULT | F::NON_SHARED_INC, values).unwrap().flags(), F::DEFAULT);
    }
    // Asked for by name, as by `virsh migrate --copy-storage-all`.
    assert_eq!(
        with(F::DEFAULT | F::NON_SHARED_DISK, vec![]).unwrap().flags(),
        F::DEFAULT | F::NON_SHARED_DISK
    );
    // A list that came out empty copies none, where no list would have been all.
    let none = vec![(Param::MigrateDisks, list(&[]))];
    assert_eq!(with(F::DEFAULT | F::NON_SHARED_DISK, none).unwrap().flags(), F::DEFAULT);
    let tunnelled = with(F::DEFAULT | F::TUNNELLED, vec![disks.clone()]).unwrap();
    assert_eq!(tunnelled.get(Param::MigrateDisks), None);
    // Neither dropped silently nor sent: the disks would not arrive.
    assert_eq!(refusal(with(F::DEFAULT | F::TUNNELLED | F::NON_SHARED_INC, vec![disks])).0, "flags");
}

#[test]
fn parameters_ask_for_their_flags_unless_flags_are_given() {
    let made =
        |param, value| MigrateParams::new(None, [(param, value)], None, None).map(|params| params.flags());
    assert_eq!(made(Param::ParallelConnections, number(4)).unwrap(), F::DEFAULT | F::PARALLEL);
    // The whole disk: an incremental copy onto an image without a backing file loses what the source's has.
    assert_eq!(made(Param::MigrateDisks, list(&["vda"])).unwrap(), F::DEFAULT | F::NON_SHARED_DISK);
    assert_eq!(made(Param::AutoConvergeInitial, number(20)).unwrap(), F::DEFAULT | F::AUTO_CONVERGE);
    assert_eq!(refusal(made(Param::BandwidthPostcopy, number(5))).0, "bandwidth.postcopy");
}

#[test]
fn what_a_libvirt_is_too_old_for_is_named_with_the_version_that_has_it() {
    let params =
        MigrateParams::new(None, [(Param::BandwidthAvailSwitchover, number(1))], None, None).unwrap();
    let (name, reason) = refusal(params.check_version(LibvirtVersion::new(9, 0, 0)));
    assert_eq!(name, "bandwidth.avail.switchover");
    assert!(reason.contains("11.1.0") && reason.contains("9.0.0"), "{reason}");
    params.check_version(LibvirtVersion::from_number(12_008_000)).unwrap();
    let zstd = [(Param::Compression, list(&["zstd"])), (Param::ParallelConnections, number(2))];
    let zstd = MigrateParams::new(None, zstd, None, None).unwrap();
    assert_eq!(refusal(zstd.check_version(LibvirtVersion::new(9, 3, 9))).0, "compression");
    zstd.check_version(LibvirtVersion::new(9, 4, 0)).unwrap();
    let zero_copy = with(F::DEFAULT | F::PARALLEL | F::ZEROCOPY, vec![]).unwrap();
    assert_eq!(refusal(zero_copy.check_version(LibvirtVersion::new(8, 4, 9))).0, "ZEROCOPY");
}

#[test]
fn unknown_flags_and_names_are_refused() {
    assert!(refusal(F::from_number(1 << 21)).1.contains("0x200000"));
    assert_eq!(F::from_number(0x1f_ffff).unwrap(), F::all());
    assert_eq!(F::all().iter().count(), 21);
    assert_eq!(F::all().since(), LibvirtVersion::new(8, 5, 0));
    let made = MigrateParams::from_names([("bandwith".to_owned(), number(1))], None, None);
    assert_eq!(refusal(made).0, "bandwith");
}
