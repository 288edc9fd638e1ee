//! A migration of which nothing is heard: when both hosts are asked over connections of their own, and what is said of
//! their answers. A call that hangs says nothing of where the guest is, and its user must not be left without a word.

use std::time::Duration;

use crate::location::Answer;
use crate::location::Answers;
use crate::standing::{Beside, Standing, judge};

/// How long nothing may be heard once the guest has been stopped at the source: it stands still, or runs elsewhere.
const AFTER_SWITCHOVER: Duration = Duration::from_secs(10);
/// How long before that: a dead connection is found out in this time (libvirt's keepalive, 5 × 5 s).
const BEFORE: Duration = Duration::from_secs(25);
/// Answers that took longer are not of one moment: both hosts are asked once more before anything is said of them.
const SLOW: Duration = Duration::from_secs(2);
/// Between two looks.
const AGAIN: Duration = Duration::from_secs(5);

/// Since when nothing is heard, and what was said about it.
#[derive(Debug)]
pub(super) struct Silence {
    since: Duration,
    look_at: Option<Duration>,
    looking: bool,
    /// When both hosts were asked last, and whether that was since the answers before were slow.
    asked: Duration,
    once_more: bool,
    told: String,
    figures: Option<[u64; 4]>,
}

impl Silence {
    pub fn new(now: Duration) -> Self {
        Self {
            since: now,
            look_at: None,
            looking: false,
            asked: now,
            once_more: false,
            told: String::new(),
            figures: None,
        }
    }

    /// Something was heard: an event, or a call's answer that says something new.
    pub fn broken(&mut self, now: Duration) {
        (self.since, self.look_at) = (now, None);
    }

    /// The job's figures. The same ones again are as good as none.
    pub fn figures(&mut self, figures: [u64; 4], now: Duration) {
        if self.figures.replace(figures) != Some(figures) {
            self.broken(now);
        }
    }

    /// When both hosts are to be asked; `None` while they are being asked.
    pub fn due(&self, switched: bool) -> Option<Duration> {
        let patience = if switched { AFTER_SWITCHOVER } else { BEFORE };
        (!self.looking).then(|| self.look_at.unwrap_or(self.since + patience))
    }

    /// Both hosts are being asked.
    pub fn look(&mut self, now: Duration) {
        (self.looking, self.asked) = (true, now);
    }

    /// Whether nothing was heard while they were asked, and their answers are of one moment.
    pub fn lasts(&self) -> bool {
        self.look_at.is_some() && !self.once_more
    }

    /// Whether their answers are of one moment, and were asked for since then.
    pub fn asked_since(&self, then: Duration) -> bool {
        self.asked >= then && !self.once_more
    }

    /// Their answers. Returns what is to be said, unless it was said before.
    pub fn looked(&mut self, answers: Answers, now: Duration) -> Option<String> {
        self.looking = false;
        let known = answers.source != Answer::Unknown && answers.destination != Answer::Unknown;
        let slow = known && now.saturating_sub(self.asked) > SLOW;
        if slow && !std::mem::replace(&mut self.once_more, slow) {
            self.look_at = Some(now);
            return None;
        }
        self.once_more = false;
        let seen = seen(answers);
        // It was over while they were asked.
        let heard = self.look_at.is_none() && now.saturating_sub(self.since) < AGAIN;
        self.look_at = (!heard).then_some(now + AGAIN);
        if heard || self.told == seen {
            return None;
        }
        let quiet = now.saturating_sub(self.since).as_secs();
        let text = format!("nothing was heard of it for {quiet} s; {seen}");
        self.told = seen;
        Some(text)
    }
}

/// What both hosts say, what is waited for, and what is safe.
fn seen(answers: Answers) -> String {
    let (source, destination) = (words(answers.source), words(answers.destination));
    let standing = judge(answers.source, answers.destination);
    format!("the source says {source}, the destination {destination}: {}", meaning(standing))
}

fn words(answer: Answer) -> String {
    match answer {
        Answer::State(state) => state.to_string(),
        Answer::Absent => "that it does not know the guest".to_owned(),
        Answer::Unknown => "nothing".to_owned(),
    }
}

const fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::Source { running: true, beside: Beside::Twin { running: true } } => {
            "the guest runs at both hosts; pause it at the source"
        }
        Standing::Source { running: true, .. } => {
            "the guest runs at the source, and libvirt's answer is waited for. It is safe to wait or to abort; start it \
             nowhere else"
        }
        Standing::Source { running: false, .. } => {
            "the guest is paused at the source, and libvirt's answer is waited for. It is safe to wait; resume it only \
             once the migration is over"
        }
        Standing::Destination { running: true, .. } => {
            "the guest runs at the destination, and libvirt's answer is waited for. It is safe to wait; resume it at \
             the source on no account, and end it nowhere"
        }
        Standing::Destination { running: false, .. } => {
            "the guest has arrived at the destination and is paused there, and libvirt's answer is waited for. It is \
             safe to wait; resume it at the source on no account"
        }
        Standing::Switchover(_) => {
            "the guest stands still between the two hosts, and libvirt's answer is waited for. It is safe to wait; \
             resume it and end it at neither"
        }
        Standing::PostCopy { failed_here: false, failed_there: false } => {
            "the guest runs at the destination while its memory is still being moved. It is safe to wait; end it at \
             neither host"
        }
        Standing::PostCopy { .. } => "post-copy broke and the guest stands still; end it at neither host",
        Standing::SourceUnknown => {
            "the source does not answer, and is asked again. Until it does, start the guest nowhere and end it nowhere"
        }
        Standing::DestinationUnknown => {
            "the destination does not answer, and is asked again. Until it does, neither resume the guest at the source \
             nor end it there"
        }
        Standing::SourceLost | Standing::DestinationLost => {
            "a part of the guest is gone, and libvirt's answer is waited for. End the other part only once that has come"
        }
        Standing::EndedThere => {
            "the guest has ended at the destination before all of its memory was there, and libvirt's answer is waited \
             for. Resume it at the source on no account"
        }
        Standing::ShutOff(_) => "the guest is shut off at both hosts, and libvirt's answer is waited for",
        Standing::Nowhere => "the guest is at neither host, and libvirt's answer is waited for",
        Standing::Contradiction => "that is what no migration leaves; end it at neither host",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::DomainState;

    fn answers(source: (i32, i32), destination: Answer) -> Answers {
        Answers { source: Answer::State(DomainState::new(source.0, source.1)), destination }
    }

    #[test]
    fn both_hosts_are_asked_after_a_bounded_time_and_again() {
        let (start, s) = (Duration::from_secs(100), Duration::from_secs);
        let mut silence = Silence::new(start);
        assert_eq!(silence.due(false), Some(start + s(25)));
        assert_eq!(silence.due(true), Some(start + s(10)));
        silence.figures([1, 2, 3, 4], start + s(3));
        silence.figures([1, 2, 3, 4], start + s(9));
        assert_eq!(silence.due(true), Some(start + s(13)));
        silence.look(start + s(13));
        assert_eq!(silence.due(true), None);
        let there = Answer::State(DomainState::new(1, 2));
        let text = silence.looked(answers((3, 2), there), start + s(14)).unwrap();
        assert!(
            text.starts_with("nothing was heard of it for 11 s; the source says paused (migration)"),
            "{text}"
        );
        assert!(text.contains("the guest runs at the destination"), "{text}");
        // The same again is not told again; what has changed is.
        silence.look(start + s(18));
        assert_eq!(silence.looked(answers((3, 2), there), start + s(19)), None);
        assert_eq!(silence.due(true), Some(start + s(24)));
        silence.look(start + s(23));
        let changed = silence.looked(answers((3, 2), Answer::Unknown), start + s(24)).unwrap();
        assert!(changed.contains("the destination nothing: the destination does not answer"), "{changed}");
        silence.broken(start + s(25));
        assert_eq!(silence.due(true), Some(start + s(35)));
    }

    #[test]
    fn answers_that_are_not_of_one_moment_are_asked_for_once_more() {
        let (start, s) = (Duration::from_secs(100), Duration::from_secs);
        let mut silence = Silence::new(start);
        let there = Answer::State(DomainState::new(1, 2));
        silence.look(start + s(25));
        assert_eq!(silence.looked(answers((1, 1), there), start + s(28)), None);
        assert_eq!(silence.due(false), Some(start + s(28)));
        silence.look(start + s(28));
        let text = silence.looked(answers((3, 2), there), start + s(31)).unwrap();
        assert!(text.contains("the guest runs at the destination"), "{text}");
        // One that nobody answers is told at once.
        let mut silence = Silence::new(start);
        silence.look(start + s(25));
        assert!(silence.looked(answers((1, 1), Answer::Unknown), start + s(60)).is_some());
    }

    #[test]
    fn an_answer_that_comes_while_the_hosts_are_asked_ends_the_silence() {
        let (start, s) = (Duration::from_secs(100), Duration::from_secs);
        let mut silence = Silence::new(start);
        silence.look(start + s(25));
        silence.broken(start + s(26));
        assert_eq!(silence.looked(answers((1, 1), Answer::Absent), start + s(27)), None);
        assert_eq!(silence.due(false), Some(start + s(51)));
    }
}
