//! Forecasts, held to what the guests then do: they are other guests than those that the forecast tries.

use crate::simulator::{End, Guest, Link, Load, MIB, Report, Start, Watch, migrate, symmetric};
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::forecast::{Dirtied, Help, Situation, forecast};
use libvirt_migrate::policy::{Convergence, Intent, ScheduleOptions, policy};

fn situation(guest: Guest, link: f64, off: f64) -> Situation {
    let Load::Steady(rate) = guest.load else { panic!("{guest:?}") };
    let seen = |after: f64, off: f64| {
        Dirtied::new(after, guest.hot * (1.0 - (-rate * after / guest.hot).exp()) * (1.0 + off))
    };
    let dirtied = vec![seen(1.0, off), seen(4.0, -off)];
    Situation { memory: guest.memory, links: vec![link], dirtied, ..Situation::default() }
}

fn guest(memory: f64, hot: f64, rate: f64) -> Guest {
    Guest { memory: memory * MIB, hot: hot * MIB, load: Load::Steady(rate * MIB) }
}

fn happens(guest: Guest, link: Link, intent: &Convergence) -> Report {
    let flags = F::DEFAULT | if intent.post_copy() { F::POSTCOPY } else { F::empty() };
    let watch = Watch { until: 12.0 * guest.memory / link.rate + 60.0, ..Watch::default() };
    migrate(guest, link, Start::default(), watch, policy(intent, flags).as_mut())
}

#[test]
fn whether_it_ends_and_when_is_forecast_right() {
    let (mut right, mut count, mut inside, mut errors) = (0, 0, 0, Vec::new());
    for index in 0..400 {
        let number =
            |what: u64, from: f64, to: f64| from + (to - from) * (symmetric(100 + what, index) + 1.0) / 2.0;
        let rate = 100.0 * 30f64.powf(number(1, 0.0, 1.0)) * MIB;
        let link = Link { rate, noise: number(5, 0.0, 0.15), seed: index ^ 0x5eed, drop: None };
        let memory = number(2, 1.0, 15.0) * rate;
        let load = Load::Steady(10f64.powf(number(4, -2.0, 1.0)) * rate);
        let guest = Guest { memory, hot: number(3, 0.005, 1.0) * memory, load };
        let max_downtime = number(6, 0.2, 1.0);
        let intent = Intent { max_downtime, post_copy: index % 4 == 0, ..Intent::default() };
        let intent = Convergence::adaptive(intent).unwrap();
        let told = forecast(&situation(guest, rate, 0.03 * symmetric(77, index)), &intent).unwrap();
        let report = happens(guest, link, &intent);
        let ended = matches!(report.end, End::Done | End::PostCopy);
        count += 1;
        right += i32::from(told.ends == ended);
        if let Some(time) = told.time.filter(|_| ended) {
            errors.push((time.expected / report.time - 1.0).abs());
            inside += i32::from((time.least * 0.95..=time.most * 1.05).contains(&report.time));
        }
    }
    errors.sort_by(f64::total_cmp);
    let (share, median) = (f64::from(right) / f64::from(count), errors[errors.len() / 2]);
    println!(
        "right {share}, median error {median}, 90 % {}, inside {}",
        errors[errors.len() * 9 / 10],
        f64::from(inside) / errors.len() as f64
    );
    assert!(share >= 0.95, "{share}");
    assert!(median <= 0.1, "{median}");
}

#[test]
fn what_would_help_is_said() {
    let intent = Convergence::default();
    let stuck = forecast(&situation(guest(2048.0, 700.0, 3000.0), 400.0 * MIB, 0.0), &intent).unwrap();
    assert!(!stuck.ends && stuck.time.is_none() && stuck.sure > 0.9, "{stuck:?}");
    assert_eq!(stuck.helps, [Help::LongerPause(2000), Help::PostCopy, Help::Throttle]);
    let idle = forecast(&situation(guest(2048.0, 1.0, 0.0), 400.0 * MIB, 0.0), &intent).unwrap();
    assert!(idle.ends && idle.sure == 1.0 && idle.helps.is_empty(), "{idle:?}");
    let time = idle.time.unwrap();
    assert!(time.least > 4.5 && time.most < 6.5, "{time:?}");
    let allowed = Convergence::adaptive(Intent { post_copy: true, ..Intent::default() }).unwrap();
    let moved = forecast(&situation(guest(2048.0, 700.0, 3000.0), 400.0 * MIB, 0.0), &allowed).unwrap();
    assert!(moved.ends && moved.post_copy, "{moved:?}");
}

#[test]
fn what_is_not_known_makes_it_less_sure() {
    let known = situation(guest(2048.0, 350.0, 3000.0), 400.0 * MIB, 0.0);
    let unknown = Situation { dirtied: vec![], ..known.clone() };
    let told = forecast(&unknown, &Convergence::default()).unwrap();
    assert!(told.sure < 1.0, "{told:?}");
    let disks = Situation { disks: 4000.0 * MIB, ..situation(guest(2048.0, 1.0, 0.0), 400.0 * MIB, 0.0) };
    let time = forecast(&disks, &Convergence::default()).unwrap().time.unwrap();
    assert!(time.least > 14.0 && time.most < 17.0, "{time:?}");
}

#[test]
fn what_is_no_figure_is_refused() {
    let fine = situation(guest(2048.0, 350.0, 3000.0), 400.0 * MIB, 0.0);
    let odd = [f64::NAN, f64::INFINITY, -1.0];
    let refused = |situation: Situation| forecast(&situation, &Convergence::default()).is_err();
    for number in odd {
        assert!(refused(Situation { memory: number, ..fine.clone() }));
        assert!(refused(Situation { links: vec![number], ..fine.clone() }));
        assert!(refused(Situation { disks: number, ..fine.clone() }));
        assert!(refused(Situation { dirtied: vec![Dirtied::new(1.0, number)], ..fine.clone() }));
        assert!(refused(Situation { dirtied: vec![Dirtied::new(number, 1.0)], ..fine.clone() }));
    }
    assert!(refused(Situation { links: vec![0.0], ..fine.clone() }));
    assert!(refused(Situation { links: vec![], ..fine.clone() }));
    assert!(refused(Situation { empty: -1.0, ..fine.clone() }));
    let schedule = Convergence::schedule(ScheduleOptions::default()).unwrap();
    assert!(forecast(&fine, &schedule).is_err());
}
