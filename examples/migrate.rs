//! Moves a guest, and tells what happens: a use of the crate without Python.
//!
//! ```sh
//! cargo run --example migrate -- qemu:///system vm1 qemu+ssh://host2/system [ADDRESS-OF-ITS-DISPLAY-THERE]
//! ```

use std::process::ExitCode;

use libvirt_migrate::domain::{DomainOps, XmlFlags};
use libvirt_migrate::domain_xml::Retarget;
use libvirt_migrate::libvirt::{Connection, silence_default_handler};
use libvirt_migrate::params::Definition;
use libvirt_migrate::policy::Convergence;
use libvirt_migrate::update::Update;
use libvirt_migrate::uri::without_secrets;
use libvirt_migrate::{Guest, MigrateParams, Result};

fn migrate(source: &str, name: &str, destination: &str, display: Option<&str>) -> Result<()> {
    let host = Connection::open(Some(source))?;
    let domain = host.lookup(name)?;
    let listen =
        display.map_or("{}".to_owned(), |address| format!(r#"{{"graphics": {{"vnc": "{address}"}}}}"#));
    let retarget = Retarget::from_json(&listen)?;
    // With passwords: the destination's display would have none otherwise.
    let live = retarget.apply(&domain.xml(XmlFlags::MIGRATABLE | XmlFlags::SECURE)?)?;
    let inactive = XmlFlags::MIGRATABLE | XmlFlags::SECURE | XmlFlags::INACTIVE;
    let kept = retarget.apply(&domain.xml(inactive)?)?;
    let definition = Definition::new(live, Some(kept.into()))?;
    let params = MigrateParams::new(Some(definition), [], Some(destination.to_owned()), None)?;

    let guest = Guest::open(name, Some(source))?;
    let news = Box::new(|update| match update {
        Update::Started { guest, what } => println!("{guest}: {what}"),
        Update::Step(step) => println!("{step}"),
        Update::Switchover { at } => println!("stopped at the source after {} ms", at.as_millis()),
        _ => {}
    });
    let migration = guest.start_migration(&params, &Convergence::default(), vec![news])?;
    let outcome = migration.result()?;
    println!(
        "{} of {} after {} ms",
        outcome.guest_location,
        without_secrets(destination),
        outcome.total_time.as_millis()
    );
    Ok(())
}

fn main() -> ExitCode {
    silence_default_handler();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [source, guest, destination] => migrate(source, guest, destination, None),
        [source, guest, destination, display] => migrate(source, guest, destination, Some(display)),
        _ => {
            eprintln!("usage: migrate SOURCE-URI GUEST DESTINATION-URI [DISPLAY-ADDRESS]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
