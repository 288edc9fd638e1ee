//! Every call of the libvirt layer to libvirt's test driver, which needs no daemon. `scripts/valgrind` runs it too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libvirt_migrate::domain::{DomainOps, XmlFlags};
use libvirt_migrate::domain_xml::VolumePlace;
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::libvirt::{Connection, Domain, silence_default_handler};
use libvirt_migrate::location::Answer;
use libvirt_migrate::params::{Definition, Param, Value};
use libvirt_migrate::policy::Convergence;
use libvirt_migrate::{Error, Guest, MigrateParams, Result};

const URI: &str = "test:///default";
const UUID: &str = "6695eb01-f6a4-8304-79aa-97f2502e193f";

fn open() -> Connection {
    Connection::open(Some(URI)).unwrap()
}

fn code<T>(result: Result<T>) -> i32 {
    match result {
        Err(Error::Libvirt(error)) => error.code,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it worked"),
    }
}

/// Parameters of every type that libvirt has.
fn params() -> MigrateParams {
    let text = |text: &str| Value::String(text.to_owned());
    let values = [
        (Param::MigrateUri, text("tcp://127.0.0.1:1")),
        (Param::MigrateDisks, Value::Strings(vec!["vda".into(), "vdb".into()])),
        (Param::Bandwidth, Value::Number(1)),
        (Param::DisksPort, Value::Number(2)),
        (Param::ListenAddress, text("127.0.0.1")),
    ];
    let xml = format!("<domain><name>test</name><uuid>{UUID}</uuid></domain>");
    let definition = Definition::new(xml, None).unwrap();
    MigrateParams::new(Some(definition), values, Some("test:///other".into()), None).unwrap()
}

#[test]
fn reading_a_host() {
    let host = open();
    assert!(host.version().unwrap().to_string().split('.').count() == 3);
    assert!(!host.hostname().unwrap().is_empty());
    assert!(host.capabilities().unwrap().contains("<capabilities>"));
    let domains = host.domains(true).unwrap();
    assert_eq!(domains.len(), host.domains(false).unwrap().len());
    assert_eq!(domains[0].name().unwrap(), "test");
    // The driver has no figures of its memory, no processor to compare with and no way to read a definition only.
    for result in [
        host.free_memory().map(drop),
        host.compare_cpu("<cpu/>", Some(["/e", "x86_64", "pc", "qemu"])).map(drop),
        host.check_definition("<domain/>"),
    ] {
        assert_eq!(code(result), LibvirtError::NO_SUPPORT);
    }
    assert_ne!(code(host.compare_cpu("<no", None)), 0);
}

/// A host with a pool that has an image upon another one, and a pool that is not active.
fn host_with_pools() -> Connection {
    let volume = |name: &str, more: &str| {
        format!(
            "<volume><name>{name}</name><capacity unit='MiB'>8</capacity><target><format type='qcow2'/></target>{more}\
             </volume>"
        )
    };
    let backing = "<backingStore><path>/images/base</path><format type='raw'/></backingStore>";
    let pool = |name: &str, path: &str, volumes: &str| {
        format!("<pool type='dir'><name>{name}</name><target><path>{path}</path></target>{volumes}</pool>")
    };
    let volumes = volume("overlay", backing) + &volume("whole", "");
    let node = pool("images", "/images", &volumes) + &pool("other", "/other", "");
    let file = std::env::temp_dir().join(format!("libvirt-pools-{}.xml", std::process::id()));
    std::fs::write(&file, format!("<node>{node}</node>")).unwrap();
    let host = Connection::open(Some(&format!("test://{}", file.display()))).unwrap();
    std::fs::remove_file(&file).unwrap();
    host
}

#[test]
fn volumes_and_pools() {
    let host = host_with_pools();
    let at = |path: &str| host.volume(&VolumePlace::Path(path.to_owned())).unwrap();
    let named = |pool: &str, name: &str| {
        host.volume(&VolumePlace::InPool { pool: pool.to_owned(), name: name.to_owned() }).unwrap()
    };
    let overlay = at("/images/overlay").unwrap();
    assert_eq!(
        (overlay.name.as_str(), overlay.kind.as_str(), overlay.capacity),
        ("overlay", "file", 8 << 20)
    );
    assert_eq!(overlay.format.as_deref(), Some("qcow2"));
    assert_eq!(overlay.path.as_deref(), Some("/images/overlay"));
    assert_eq!(overlay.backing_file.as_deref(), Some("/images/base"));
    assert_eq!(named("images", "overlay"), Some(overlay));
    assert_eq!(named("images", "whole").unwrap().backing_file, None);
    assert_eq!((at("/nowhere"), named("images", "none"), named("none", "whole")), (None, None, None));

    let (pool, active) = host.pool("images").unwrap().unwrap();
    assert_eq!((pool.kind.as_str(), pool.path.as_deref(), active), ("dir", Some("/images"), true));
    assert_eq!(host.pool("none").unwrap(), None);
    // The driver has no such look-up, which is no answer.
    assert_eq!(code(host.pool_at("/images")), LibvirtError::NO_SUPPORT);
    for result in [host.pool_at("a\0b").map(drop), host.volume(&VolumePlace::Path("a\0b".into())).map(drop)] {
        assert!(matches!(result, Err(Error::InvalidParameter { .. })));
    }
}

#[test]
fn what_is_not_there() {
    let host = open();
    for name in ["nobody", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(code(host.lookup(name)), LibvirtError::NO_DOMAIN);
    }
    assert!(host.lookup("a\0b").is_err());
    silence_default_handler();
    assert!(Connection::open(Some("qemu+unix:///system?socket=/nonexistent/socket")).is_err());
}

/// A stopped daemon's socket: the kernel takes connections, and nobody answers.
#[test]
fn a_daemon_that_never_answers() {
    let path = std::env::temp_dir().join(format!("libvirt-layer-{}.sock", std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let uri = format!("qemu+unix:///system?socket={}", path.display());
    let limit = Duration::from_millis(50);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(code(Connection::open_within(Some(&uri), limit)), LibvirtError::OPERATION_TIMEOUT);
                assert_eq!(
                    code(Guest::open_within("vm", Some(&uri), limit)),
                    LibvirtError::OPERATION_TIMEOUT
                );
            });
        }
    });
    let _first = listener.accept().unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "one attempt for all who ask");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn reading_and_steering_a_domain() {
    let host = open();
    for name in ["test", UUID] {
        let domain = host.lookup(name).unwrap();
        assert_eq!((domain.name().unwrap().as_str(), domain.uuid().unwrap().as_str()), ("test", UUID));
        assert_eq!((domain.id().unwrap(), domain.is_active().unwrap()), (Some(1), true));
        for flags in [XmlFlags::empty(), XmlFlags::SECURE | XmlFlags::INACTIVE] {
            assert!(domain.xml(flags).unwrap().contains("<name>test</name>"));
        }
        assert_eq!(domain.facts().unwrap().name.as_deref(), Some("test"));
        // The test driver is another host with each connection.
        assert!(domain.control().is_none() && domain.apart().is_none());
        assert!(matches!(domain.ask_destination(URI, UUID), Answer::State(_)));
        assert!(matches!(domain.ask_destination(URI, "nobody"), Answer::Absent));
        assert!(matches!(domain.ask_destination("no uri", UUID), Answer::Unknown));
        for result in [
            domain.job_info(false).map(drop),
            domain.job_info(true).map(drop),
            domain.set_max_downtime(1),
            domain.set_bandwidth(1, false),
            domain.start_post_copy(),
            domain.abort_job(false),
            domain.abort_job(true),
        ] {
            assert_eq!(code(result), LibvirtError::NO_SUPPORT);
        }
    }
}

#[test]
fn the_size_of_a_disk() {
    let host = open();
    let domain = host.lookup("test").unwrap();
    assert!(domain.disk_size("vda").unwrap() > 1 << 30);
    assert_ne!(code(domain.disk_size("vdz")), 0);
}

#[test]
fn a_migration_that_the_driver_refuses() {
    let domain: Arc<Domain> = Arc::new(open().lookup("test").unwrap());
    // QEMU's driver would take these; this one has no migration, and says so after it has the parameters.
    assert_ne!(code(domain.migrate("test:///other", &params())), 0);
    assert!(domain.migrate("a\0b", &params()).is_err());
    let flags = Some(MigrateFlags::DEFAULT);
    let plain = MigrateParams::new(None, [], Some("test:///other".into()), flags).unwrap();
    let guest = Guest::new(domain);
    for _ in 0..3 {
        let migration = guest.start_migration(&plain, &Convergence::default(), vec![]).unwrap();
        assert!(matches!(migration.result(), Err(Error::MigrationFailed { .. })));
    }
}

#[test]
fn events_until_the_subscription_ends() {
    let scratch = std::env::temp_dir().join(format!("libvirt-layer-{}.xml", std::process::id()));
    // A host of its own: the other tests have the default one.
    let domain = format!(
        "<domain type='test'><name>own</name><uuid>{UUID}</uuid><memory>8192</memory><os><type>hvm</type></os></domain>"
    );
    std::fs::write(&scratch, format!("<node>{domain}</node>")).unwrap();
    let host = Connection::open(Some(&format!("test://{}", scratch.display()))).unwrap();
    std::fs::remove_file(&scratch).unwrap();
    let domain = host.lookup("own").unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    for _ in 0..5 {
        let counted = count.clone();
        let before = count.load(Ordering::SeqCst);
        let subscription = domain.subscribe(Arc::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        }));
        assert!(subscription.is_some());
        domain.suspend().unwrap();
        domain.resume().unwrap();
        while count.load(Ordering::SeqCst) < before + 2 {
            std::thread::yield_now();
        }
        drop(subscription);
        domain.suspend().unwrap();
        domain.resume().unwrap();
    }
    // Nobody's events have come in between.
    assert_eq!(count.load(Ordering::SeqCst), 10);
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn several_threads_share_a_connection() {
    let host = open();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(host.lookup("test").unwrap().uuid().unwrap(), UUID);
                    // Its own error, not that of another thread.
                    assert_eq!(code(host.lookup("nobody")), LibvirtError::NO_DOMAIN);
                }
            });
        }
    });
}
