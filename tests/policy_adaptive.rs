//! The adaptive policy against simulated migrations: single cases that people know by name.

mod simulator;

use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::policy::{Action, Convergence, Intent, OnDeadline, policy};
use simulator::{End, Guest, Link, Load, MIB, Report, Start, Watch, fixed_limit, migrate};

fn run(intent: Intent, guest: Guest, link: Link) -> Report {
    let convergence = Convergence::adaptive(intent).unwrap();
    let mut flags = F::DEFAULT;
    flags.set(F::POSTCOPY, intent.post_copy);
    migrate(guest, link, Start::default(), Watch::default(), policy(&convergence, flags).as_mut())
}

fn link(mib: f64) -> Link {
    Link { rate: mib * MIB, noise: 0.1, seed: 1 }
}

fn guest(memory: f64, hot: f64, rate: f64) -> Guest {
    Guest { memory: memory * MIB, hot: hot * MIB, load: Load::Steady(rate * MIB) }
}

fn show(name: &str, report: &Report) {
    println!(
        "{name}: {:?} {:.1} s, pause {:?}, limit {}, stuck {:?}",
        report.end, report.time, report.pause, report.limit_ms, report.stuck
    );
    for d in &report.decisions {
        println!("   {d}");
    }
}

#[test]
fn look() {
    let i = Intent::default();
    let g = guest(256.0, 64.0, 5000.0);
    show("64", &run(i, g, link(2000.0)));
    let g = guest(512.0, 160.0, 5000.0);
    show("160", &run(i, g, link(2000.0)));
    show("160 at 400", &run(i, g, link(400.0)));
    show("160 at 400, 1 s", &run(Intent { max_downtime: 1.0, ..i }, g, link(400.0)));
    show("160 at 400, post", &run(Intent { post_copy: true, ..i }, g, link(400.0)));
    show("160 at 400, throttle", &run(Intent { throttle: true, ..i }, g, link(400.0)));
    show("160 at 400, deadline", &run(Intent { deadline: Some(20.0), ..i }, g, link(400.0)));
    show(
        "160 at 400, force",
        &run(Intent { deadline: Some(20.0), on_deadline: OnDeadline::Force, ..i }, g, link(400.0)),
    );
    let g = guest(4096.0, 4096.0, 900.0);
    show("uniform .9", &run(Intent { max_downtime: 2.0, ..i }, g, link(1000.0)));
    println!(
        "best {:?} default {:?}",
        fixed_limit(g, link(1000.0), Start::default(), 2000, 600.0),
        fixed_limit(g, link(1000.0), Start::default(), 300, 600.0)
    );
    let g = guest(4096.0, 1000.0, 500.0);
    show("hot .5", &run(Intent { max_downtime: 2.0, ..i }, g, link(1000.0)));
    println!(
        "best {:?} default {:?}",
        fixed_limit(g, link(1000.0), Start::default(), 2000, 600.0),
        fixed_limit(g, link(1000.0), Start::default(), 300, 600.0)
    );
    let _ = (End::Done, Action::Abort);
}
