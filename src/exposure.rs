//! Whether a migration would send a guest's memory or disks in the clear over a network that is not one's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fluent_uri::Uri;

use crate::flags::MigrateFlags as F;
use crate::params::{MigrateParams, Param, Value};

/// The public address that a migration would send memory or disks to, neither encrypted nor tunnelled.
///
/// Memory goes to the host of `migrate_uri`, or of the destination's URI where that is not given; disks that are
/// copied go to the host of `disks_uri`, or where memory goes. How the daemons talk to each other changes
/// nothing: with `qemu+tls://` the data still has a connection of its own. A host's name is not looked up, and
/// so never public.
pub fn exposed_to(params: &MigrateParams) -> Option<IpAddr> {
    if params.flags().intersects(F::TLS | F::TUNNELLED | F::OFFLINE) {
        return None;
    }
    let uri = |param| match params.get(param) {
        Some(Value::String(uri)) => Some(uri.as_str()),
        _ => None,
    };
    let memory = uri(Param::MigrateUri).or(params.destination());
    let disks = uri(Param::DisksUri).filter(|_| params.flags().intersects(F::NON_SHARED));
    [memory, disks].into_iter().flatten().filter_map(address).find(|address| is_public(*address))
}

/// The address in a URI, if its host is one.
fn address(uri: &str) -> Option<IpAddr> {
    let uri = Uri::parse(uri).ok()?;
    let host = match uri.authority() {
        Some(authority) => authority.host().trim_matches(['[', ']']),
        // An old form that libvirt still takes: tcp:192.0.2.2:49152.
        None => uri.path().as_str().split(':').next()?,
    };
    host.parse().ok()
}

/// Whether the address is one of the whole Internet: not private, loopback, link-local or for a special use
/// (IANA's registries of special-purpose addresses, those that are not globally reachable).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && second & 0xc0 == 64;
    let protocols = [first, second, third] == [192, 0, 0];
    let benchmarks = first == 198 && second & 0xfe == 18;
    let special = address.is_private() || address.is_loopback() || address.is_link_local();
    !(special
        || address.is_documentation()
        || shared
        || protocols
        || benchmarks
        || first == 0
        || first >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [first, second, third, .., seventh, eighth] = address.segments();
    // NAT64 reaches an IPv4 address.
    if [first, second, third] == [0x64, 0xff9b, 0] {
        let [[a, b], [c, d]] = [seventh.to_be_bytes(), eighth.to_be_bytes()];
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    // All of the Internet is in 2000::/3, but for what is for documentation, protocols and benchmarks there.
    let special = [(0x2001, 0xdb8), (0x2001, 0x2)].contains(&(first, second)) || first == 0x3fff;
    first & 0xe000 == 0x2000 && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(destination: &str, given: &[(Param, &str)], flags: F) -> MigrateParams {
        let values = given.iter().map(|(param, text)| (*param, Value::String((*text).to_owned())));
        MigrateParams::new(None, values, Some(destination.to_owned()), Some(F::DEFAULT | flags)).unwrap()
    }

    #[test]
    fn only_plain_data_to_a_public_address_is_exposed() {
        let public = "qemu+tls://root:pw@8.8.8.8:16514/system";
        let private = "qemu+ssh://10.1.2.3/system";
        let to = |uri| [(Param::MigrateUri, uri)];
        let none = F::empty();
        for (params, exposed) in [
            (params(public, &[], none), Some("8.8.8.8")),
            (params(public, &[], F::TLS), None),
            (params(public, &[], F::TUNNELLED), None),
            (params(public, &to("tcp://10.1.2.3"), none), None),
            (params(public, &to("unix:///run/socket"), none), None),
            (params(private, &[], none), None),
            (params(private, &to("tcp://[2a00:1450::8]:49152"), none), Some("2a00:1450::8")),
            (params(private, &to("tcp:9.9.9.9:49152"), none), Some("9.9.9.9")),
            (params(private, &to("rdma://9.9.9.9"), none), Some("9.9.9.9")),
            (params("qemu+ssh://host2.example.org/system", &[], none), None),
            (params("qemu:///system", &[], none), None),
        ] {
            assert_eq!(exposed_to(&params), exposed.map(|text| text.parse().unwrap()), "{params:?}");
        }
    }

    #[test]
    fn disks_count_where_they_are_copied() {
        let disks = Value::Strings(vec!["vda".to_owned()]);
        let uri = Value::String("tcp://9.9.9.9".to_owned());
        let destination = Some("qemu+ssh://10.1.2.3/system".to_owned());
        let values = [(Param::MigrateDisks, disks), (Param::DisksUri, uri)];
        let copied = MigrateParams::new(None, values.clone(), destination.clone(), None).unwrap();
        assert_eq!(exposed_to(&copied), Some([9, 9, 9, 9].into()));
        let shared = MigrateParams::new(None, values[1..].to_vec(), destination, None).unwrap();
        assert_eq!(exposed_to(&shared), None);
    }

    #[test]
    fn public_addresses() {
        for text in ["1.1.1.1", "100.128.0.1", "172.32.0.1", "198.20.0.1", "223.255.255.255", "192.0.1.1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:db9::"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.0.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2001:2::1",
            "100::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
