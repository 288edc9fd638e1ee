//! What is asked of libvirt before a migration, with its test driver, which needs no daemon.

use libvirt_migrate::domain::{DomainOps, Kept};
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::libvirt::Connection;
use libvirt_migrate::params::{Definition, Param, Value};
use libvirt_migrate::{Error, MigrateParams, Result};

const URI: &str = "test:///default";

fn code<T>(result: Result<T>) -> i32 {
    match result {
        Err(Error::Libvirt(error)) => error.code,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it worked"),
    }
}

fn params(flags: MigrateFlags) -> MigrateParams {
    let xml = "<domain><name>test</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid></domain>";
    let definition = Definition::new(xml.to_owned(), None).unwrap();
    let uri = (Param::MigrateUri, Value::String("tcp://127.0.0.1:1".to_owned()));
    MigrateParams::new(Some(definition), vec![uri], Some(URI.to_owned()), Some(flags)).unwrap()
}

#[test]
fn what_is_kept_is_counted_and_what_cannot_be_asked_is_an_error() {
    let connection = Connection::open(Some(URI)).unwrap();
    let domain = connection.lookup("test").unwrap();
    for what in [Kept::Snapshots, Kept::Checkpoints, Kept::ManagedSave] {
        assert_eq!(domain.kept(what).unwrap(), 0, "{what:?}");
    }
    // This driver has no block jobs.
    assert_eq!(code(domain.has_block_job("vda")), 3);
    assert!(domain.has_block_job("v\0da").is_err());
    assert_eq!(connection.uri().unwrap(), URI);
}

#[test]
fn a_driver_that_migrates_nothing_says_so() {
    let domain = Connection::open(Some(URI)).unwrap().lookup("test").unwrap();
    let steps = MigrateFlags::LIVE | MigrateFlags::PERSIST_DEST;
    for flags in [steps, steps | MigrateFlags::PEER2PEER] {
        assert!(matches!(domain.check_migration(URI, &params(flags)), Err(Error::Libvirt(_))));
        assert!(domain.is_active().unwrap());
    }
    let tunnel = steps | MigrateFlags::PEER2PEER | MigrateFlags::TUNNELLED;
    let tunnelled = MigrateParams::new(None, vec![], Some(URI.to_owned()), Some(tunnel)).unwrap();
    assert_eq!(code(domain.check_migration(URI, &tunnelled)), 3);
}
