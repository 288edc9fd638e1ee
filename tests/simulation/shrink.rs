//! The least that still fails.

use crate::plan::Plan;
use crate::sim::{Fault, run};

/// Leaves out what is not needed for a plan to fail, one thing after the other, as long as something can be.
pub fn shrink(plan: &Plan) -> (Plan, Fault) {
    let kind = |fault: &Fault| fault.what.chars().take(24).collect::<String>();
    let first = run(plan, false).expect_err("it fails");
    let fails = |plan: &Plan| run(plan, false).is_err_and(|fault| kind(&fault) == kind(&first));
    let mut least = plan.clone();
    loop {
        let found = smaller(&least).into_iter().find(fails);
        match found {
            Some(smaller) => least = smaller,
            None => break,
        }
    }
    let fault = run(&least, true).expect_err("it failed before");
    (least, fault)
}

/// Plans with one thing less.
fn smaller(plan: &Plan) -> Vec<Plan> {
    let mut plans = vec![];
    for number in 0..plan.troubles.len() {
        let mut less = plan.clone();
        less.troubles.remove(number);
        plans.push(less);
    }
    for number in 0..plan.wishes.len() {
        let mut less = plan.clone();
        less.wishes.remove(number);
        plans.push(less);
    }
    let plain = crate::setup::Setup::plain();
    let mut simpler = |change: &dyn Fn(&mut Plan)| {
        let mut less = plan.clone();
        change(&mut less);
        if less != *plan {
            plans.push(less);
        }
    };
    simpler(&|less| less.setup.convergence = None);
    if plan.setup.convergence.is_some() {
        simpler(&|less| less.setup.convergence = plain.convergence);
    }
    simpler(&|less| less.setup.events = Some(0));
    simpler(&|less| less.setup.keepalive = true);
    simpler(&|less| less.setup.load.disks = 0.0);
    simpler(&|less| less.setup.load = plain.load);
    simpler(&|less| less.setup.paused = false);
    simpler(&|less| {
        less.setup.flags = if less.setup.exclusive { plain.clone().exclusive().flags } else { plain.flags };
    });
    simpler(&|less| {
        (less.setup.exclusive, less.setup.flags) = (false, plain.flags);
    });
    plans
}
