//! Where a guest is among any number of hosts.

use std::fmt;

use crate::state::DomainState;

/// What one host says of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// The host knows it.
    Here {
        /// What it does there.
        state: DomainState,
        /// The host keeps a definition of it when it is shut off.
        persistent: bool,
    },
    /// The host does not know it.
    Absent,
    /// The host could not be asked; why.
    Silent(String),
}

impl Presence {
    /// The state there.
    pub const fn state(&self) -> Option<DomainState> {
        match self {
            Self::Here { state, .. } => Some(*state),
            _ => None,
        }
    }
}

/// What follows from all answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum Whereis {
    Running,
    Paused,
    Migrating,
    PostCopy,
    PostCopyBroken,
    ShutOff,
    Absent,
    Several,
    Unknown,
}

impl Whereis {
    /// The name at the Python surface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Migrating => "migrating",
            Self::PostCopy => "post-copy",
            Self::PostCopyBroken => "post-copy-broken",
            Self::ShutOff => "shut off",
            Self::Absent => "absent",
            Self::Several => "several",
            Self::Unknown => "unknown",
        }
    }
}

/// Where a guest is, by the word of all hosts that could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Whereabouts {
    /// What it is about.
    pub what: Whereis,
    /// Which of the answers is the place of the guest: where it runs or stands still, or is defined. Between two
    /// hosts it is where the guest's processors are.
    pub at: Option<usize>,
    /// The hosts' URIs and answers, in the order in which they were given.
    pub answers: Vec<(String, Presence)>,
}

impl Whereabouts {
    /// From the answers.
    pub fn new(answers: Vec<(String, Presence)>) -> Self {
        let (what, at) = judge(&answers.iter().map(|(_, presence)| presence).collect::<Vec<_>>());
        Self { what, at, answers }
    }
}

fn judge(answers: &[&Presence]) -> (Whereis, Option<usize>) {
    let find = |wanted: &dyn Fn(DomainState) -> bool| -> Vec<usize> {
        let at =
            |(index, presence): (usize, &&Presence)| presence.state().filter(|s| wanted(*s)).map(|_| index);
        answers.iter().enumerate().filter_map(at).collect()
    };
    let silent = answers.iter().any(|presence| matches!(presence, Presence::Silent(_)));
    // In post-copy the guest runs at the destination, whatever the source still holds.
    let broken = find(&|state| state.is_post_copy_failed());
    let post_copy = find(&|state| state.is_post_copy());
    let there = |places: &[usize]| {
        let running = |&index: &usize| answers[index].state().is_some_and(DomainState::is_running);
        places.iter().copied().find(running)
    };
    let ends: Vec<_> = broken.iter().chain(&post_copy).copied().collect();
    let whole = |state: DomainState| {
        (state.is_running() || state.is_paused())
            && !(state.is_arriving() || state.is_post_copy() || state.is_post_copy_failed())
    };
    match (find(&whole).as_slice(), there(&ends)) {
        // What is left at the source of one that has become whole.
        ([place], None) if !ends.is_empty() => {
            let runs = answers[*place].state().is_some_and(DomainState::is_running);
            return (if runs { Whereis::Running } else { Whereis::Paused }, Some(*place));
        }
        (_, place) if !broken.is_empty() => return (Whereis::PostCopyBroken, place),
        // Its other half is at none of these hosts, and they all have answered.
        (_, place) if ends.len() == 1 && !silent && find(&|state| state.is_arriving()).is_empty() => {
            return (Whereis::PostCopyBroken, place);
        }
        (_, place) if !ends.is_empty() => return (Whereis::PostCopy, place),
        _ => {}
    }
    let running = find(&DomainState::is_running);
    let waiting = find(&|state| state.is_arriving());
    let paused = find(&|state| state.is_paused() && !state.is_arriving());
    match (running.as_slice(), paused.as_slice(), waiting.as_slice()) {
        ([], [], []) if silent => (Whereis::Unknown, None),
        ([], [], []) => match find(&DomainState::is_shut_off).as_slice() {
            [] => (Whereis::Absent, None),
            [only] => (Whereis::ShutOff, Some(*only)),
            _ => (Whereis::ShutOff, None),
        },
        ([place], [], []) => (Whereis::Running, Some(*place)),
        ([], [place], []) => (Whereis::Paused, Some(*place)),
        ([place], [], [_]) | ([], [place], [_]) => (Whereis::Migrating, Some(*place)),
        // At the moment of the switchover, or left so: neither can be told from the other here.
        ([], [], [_, _]) => (Whereis::Migrating, None),
        ([], [], [_]) if silent => (Whereis::Unknown, None),
        ([], [], [place]) => (Whereis::Paused, Some(*place)),
        _ => (Whereis::Several, None),
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.name())?;
        if let Some(at) = self.at {
            write!(f, " at {}", crate::uri::without_secrets(&self.answers[at].0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn here(code: i32, reason: i32) -> Presence {
        Presence::Here { state: DomainState::new(code, reason), persistent: true }
    }
    const RUNNING: Presence = here(1, 1);
    const PAUSED: Presence = here(3, 1);
    const WAITING: Presence = here(3, 2);
    const SHUT_OFF: Presence = here(5, 1);
    const ABSENT: Presence = Presence::Absent;

    fn silent() -> Presence {
        Presence::Silent("no route".into())
    }

    #[test]
    fn the_place_follows_from_all_answers() {
        use Whereis::*;
        for (answers, what, at) in [
            (vec![], Absent, None),
            (vec![ABSENT, RUNNING, ABSENT], Running, Some(1)),
            (vec![silent(), RUNNING], Running, Some(1)),
            (vec![SHUT_OFF, PAUSED], Paused, Some(1)),
            (vec![ABSENT, SHUT_OFF], ShutOff, Some(1)),
            (vec![SHUT_OFF, SHUT_OFF], ShutOff, None),
            (vec![ABSENT, ABSENT], Absent, None),
            (vec![ABSENT, silent()], Unknown, None),
            (vec![SHUT_OFF, silent()], Unknown, None),
            (vec![RUNNING, WAITING], Migrating, Some(0)),
            (vec![WAITING, WAITING], Migrating, None),
            (vec![WAITING, ABSENT], Paused, Some(0)),
            (vec![WAITING, silent()], Unknown, None),
            (vec![RUNNING, RUNNING], Several, None),
            (vec![PAUSED, RUNNING], Several, None),
            (vec![here(3, 12), here(1, 10)], PostCopy, Some(1)),
            (vec![here(3, 13), here(1, 11)], PostCopyBroken, Some(1)),
            (vec![here(3, 13), here(1, 2)], Running, Some(1)),
            (vec![here(3, 12), here(3, 1)], Paused, Some(1)),
            (vec![here(3, 12), WAITING], PostCopy, None),
            (vec![here(1, 10), silent()], PostCopy, Some(0)),
            (vec![ABSENT, here(1, 10)], PostCopyBroken, Some(1)),
            (vec![here(3, 12), SHUT_OFF], PostCopyBroken, None),
            (vec![here(3, 13), here(1, 10)], PostCopyBroken, Some(1)),
            (vec![here(3, 13), here(5, 3)], PostCopyBroken, None),
        ] {
            let hosts = answers.iter().cloned().map(|answer| ("qemu:///system".to_owned(), answer)).collect();
            let found = Whereabouts::new(hosts);
            assert_eq!((found.what, found.at), (what, at), "{answers:?}");
        }
    }

    /// What is told of any hosts is what is told of the two of a migration.
    #[test]
    fn two_hosts_are_judged_as_those_of_a_migration() {
        use crate::location::{Answer, GuestLocation as Place};
        let states = (0..=7).flat_map(|code| (0..=13).map(move |reason| here(code, reason)));
        let all: Vec<_> = states.chain([ABSENT, silent()]).collect();
        let answer = |presence: &Presence| match presence {
            Presence::Here { state, .. } => Answer::State(*state),
            Presence::Absent => Answer::Absent,
            Presence::Silent(_) => Answer::Unknown,
        };
        for source in &all {
            for destination in &all {
                let place = Place::from_answers(answer(source), answer(destination));
                let found = judge(&[source, destination]);
                let agrees = match place {
                    Place::DestinationRunning => !matches!(found, (Whereis::Running, Some(0))),
                    Place::SourceRunning => !matches!(found, (Whereis::Running, Some(1))),
                    Place::PostCopyBroken => !matches!(found.0, Whereis::Running | Whereis::Paused),
                    Place::BothRunning => found.0 != Whereis::Running,
                    _ => found.0 != Whereis::Running || found.1.is_some(),
                };
                assert!(agrees, "{source:?} {destination:?}: {place:?} {found:?}");
            }
        }
    }

    #[test]
    fn its_text_carries_no_secrets() {
        let found = Whereabouts::new(vec![("qemu+ssh://root:hunter2@host2/system".into(), RUNNING)]);
        assert_eq!(found.to_string(), "running at qemu+ssh://host2/system");
    }
}
