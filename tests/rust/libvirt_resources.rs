//! What a host has for guests, asked of libvirt's test driver, which is a hypervisor in memory.

use libvirt_migrate::Error;
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::libvirt::Connection;

fn host() -> Connection {
    Connection::open(Some("test:///default")).expect("libvirt's test driver")
}

fn code(error: &Error) -> Option<i32> {
    error.libvirt_code()
}

#[test]
fn networks_and_interfaces() {
    let (active, xml) = host().virtual_network("default").unwrap().unwrap();
    assert!(active && xml.contains("<name>default</name>"), "{xml}");
    assert!(host().virtual_network("nowhere").unwrap().is_none());
    let xml = host().interface("eth1").unwrap().unwrap();
    assert!(xml.contains("name='eth1'"), "{xml}");
    assert!(host().interface("nowhere").unwrap().is_none());
    assert!(matches!(host().virtual_network("a\0b"), Err(Error::InvalidParameter { .. })));
}

#[test]
fn devices_by_capability() {
    let found = host().node_devices("scsi_host").unwrap();
    assert!(!found.is_empty() && found.iter().all(|xml| xml.contains("<capability type='scsi_host'")));
    assert!(host().node_devices("mdev").unwrap().is_empty());
    assert!(matches!(host().node_devices("gpu"), Err(Error::InvalidParameter { .. })));
}

#[test]
fn pages() {
    let found = host().free_pages(&[0, 1], &[4096, 2 << 20]).unwrap();
    assert_eq!(found.len(), 4);
    assert!(found.contains_key(&(1, 2 << 20)));
    assert!(host().free_pages(&[u32::MAX], &[4096]).is_err());
    assert!(host().free_pages(&[], &[4096]).unwrap().is_empty());
}

#[test]
fn what_a_driver_cannot_tell_is_no_no() {
    let unsupported = Some(LibvirtError::NO_SUPPORT);
    let uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
    assert_eq!(code(&host().has_network_filter("clean-traffic").unwrap_err()), unsupported);
    assert_eq!(code(&host().has_secret(uuid).unwrap_err()), unsupported);
    assert_eq!(code(&host().has_secret_for("ceph", "x").unwrap_err()), unsupported);
    assert!(matches!(host().has_secret_for("gold", "x"), Err(Error::InvalidParameter { .. })));
}

#[test]
fn files() {
    assert!(!host().has_file("/no/such/file").unwrap());
    assert!(matches!(host().has_file("relative"), Err(Error::InvalidParameter { .. })));
}
