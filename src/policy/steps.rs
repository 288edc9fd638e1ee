//! What was asked for and how it went, so that nothing is done twice and nothing is forgotten.

use std::mem::discriminant;
use std::time::Duration;

use super::{Action, Decision};

/// How long an action rests after its first failure before it is asked for again; twice as long after each
/// further one, up to [`LONGEST_REST`].
const REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);

fn rest(failures: u32) -> Duration {
    (REST * (1 << failures.saturating_sub(1).min(10))).min(LONGEST_REST)
}

/// One kind of action in one run of the job.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Untried,
    UnderWay,
    Failed {
        times: u32,
        at: Duration,
    },
    Done,
}

/// The actions of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    states: Vec<(Action, State, u32)>,
    limit_ms: Option<u64>,
}

impl Steps {
    /// The decision for `action`, unless it was done, is under way, or failed a moment ago.
    pub(super) fn ask(&mut self, action: Action, at: Duration, reason: String) -> Option<Decision> {
        let limit = self.limit_ms;
        let (asked, state, _) = self.entry(action);
        let again = match (*state, action) {
            (State::Untried, _) => true,
            (State::UnderWay, _) => false,
            (State::Failed { times, at: failed }, _) => at >= failed.saturating_add(rest(times)),
            (State::Done, Action::SetMaxDowntime(ms)) => limit != Some(ms),
            (State::Done, _) => false,
        };
        if !again {
            return None;
        }
        (*asked, *state) = (action, State::UnderWay);
        Some(Decision { at, action, reason })
    }

    pub(super) fn succeeded(&mut self, action: Action) {
        if let Action::SetMaxDowntime(ms) = action {
            self.limit_ms = Some(ms);
        }
        self.entry(action).1 = State::Done;
    }

    pub(super) fn failed(&mut self, action: Action, at: Duration) {
        let (_, state, failures) = self.entry(action);
        *failures += 1;
        *state = State::Failed { times: *failures, at };
    }

    /// The downtime limit that was set in this run, ms.
    pub(super) fn limit_ms(&self) -> Option<u64> {
        self.limit_ms
    }

    /// Whether an action of this kind was carried out.
    pub(super) fn done(&self, kind: Action) -> bool {
        self.state(kind) == State::Done
    }

    /// Whether an action of this kind was asked for and nothing has been heard of it.
    pub(super) fn under_way(&self, kind: Action) -> bool {
        self.state(kind) == State::UnderWay
    }

    /// How often an action of this kind has failed, where the last attempt did.
    pub(super) fn failures(&self, kind: Action) -> u32 {
        match self.state(kind) {
            State::Failed { times, .. } => times,
            _ => 0,
        }
    }

    fn state(&self, kind: Action) -> State {
        let same = |(asked, ..): &&(Action, State, u32)| discriminant(asked) == discriminant(&kind);
        self.states.iter().find(same).map_or(State::Untried, |(_, state, _)| *state)
    }

    fn entry(&mut self, kind: Action) -> &mut (Action, State, u32) {
        let same = |(asked, ..): &(Action, State, u32)| discriminant(asked) == discriminant(&kind);
        let index = self.states.iter().position(same).unwrap_or_else(|| {
            self.states.push((kind, State::Untried, 0));
            self.states.len() - 1
        });
        &mut self.states[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn an_action_is_asked_for_once_until_it_fails() {
        let mut steps = Steps::default();
        let ask = |steps: &mut Steps, at| steps.ask(Action::Abort, s(at), String::new()).is_some();
        assert!(ask(&mut steps, 1.0));
        assert!(!ask(&mut steps, 2.0), "it is under way");
        steps.failed(Action::Abort, s(2.0));
        assert!(!ask(&mut steps, 2.09), "it rests");
        assert!(ask(&mut steps, 2.1));
        steps.failed(Action::Abort, s(2.1));
        assert!(!ask(&mut steps, 2.29), "it rests longer");
        assert!(ask(&mut steps, 2.3));
        steps.succeeded(Action::Abort);
        assert!(!ask(&mut steps, 9.0), "it is done");
    }

    #[test]
    fn another_limit_is_another_action_but_not_while_one_is_under_way() {
        let mut steps = Steps::default();
        let ask =
            |steps: &mut Steps, ms| steps.ask(Action::SetMaxDowntime(ms), s(1.0), String::new()).is_some();
        assert!(ask(&mut steps, 100));
        assert!(!ask(&mut steps, 200));
        steps.succeeded(Action::SetMaxDowntime(100));
        assert_eq!(steps.limit_ms(), Some(100));
        assert!(!ask(&mut steps, 100));
        assert!(ask(&mut steps, 200));
    }

    #[test]
    fn failures_are_counted() {
        let mut steps = Steps::default();
        for times in 1..4 {
            let at = s(f64::from(times));
            assert!(steps.ask(Action::StartPostCopy, at, String::new()).is_some());
            steps.failed(Action::StartPostCopy, at);
            assert_eq!(steps.failures(Action::StartPostCopy), times);
        }
    }
}
