//! What an input says of the world, in one line of libvirt's terms: for a tape of a migration, which is compared with
//! the simulation's model. Nothing in it tells of a definition, a name or an address.

use super::input::{Input, Outside, Reconnected, Reply, Wish};
use crate::domain::DomainEvent;
use crate::fact::Fact;
use crate::location::Answer;
use crate::{Error, Result};

impl Input {
    /// In words; `None` where it says nothing of the world.
    pub fn observed(&self) -> Option<String> {
        match self {
            Self::Woken => None,
            Self::Event(DomainEvent::Iteration(_)) => Some("event iteration".to_owned()),
            Self::Event(DomainEvent::JobCompleted(job)) => Some(format!("event job {:?}", job.kind)),
            Self::Event(DomainEvent::Lifecycle { event, detail }) => {
                Some(format!("event lifecycle {event}/{detail}"))
            }
            Self::Done(_, reply) => reply.observed(),
            Self::Wish(_, wish) => Some(format!("wish {}", wish_words(*wish))),
            Self::Outside(outside) => Some(format!("outside {}", outside_words(*outside))),
        }
    }
}

impl Reply {
    fn observed(&self) -> Option<String> {
        Some(match self {
            Self::Called { result, .. } => format!("call {}", words(result)),
            Self::Subscribed { .. } | Self::Reached | Self::Brought(_) => return None,
            Self::Sampled { job, state, .. } => {
                let job = job.as_ref().map_or_else(code, |job| format!("{:?}", job.kind));
                let state = state.as_ref().map(|state| state.as_ref().map_or_else(code, ToString::to_string));
                format!("sample {job}, {}", state.as_deref().unwrap_or("-"))
            }
            Self::Changed { result, .. } => format!("change {}", words(result)),
            Self::Asked(answers) => {
                format!("hosts {}, {}", answer(answers.source), answer(answers.destination))
            }
            Self::Located(place) => format!("place {place}"),
            Self::Reconnected(Reconnected::There { .. }) => "source reached".to_owned(),
            Self::Reconnected(Reconnected::Gone) => "source without it".to_owned(),
            Self::Reconnected(Reconnected::Failed(_)) => "source not reached".to_owned(),
            Self::Viewed(viewed) => {
                let kept = match viewed.persistent {
                    Fact::Known(()) => "kept",
                    Fact::Absent => "not kept",
                    Fact::Unknown => "unknown",
                };
                format!("hosts {}, {}; {kept}", answer(viewed.source), answer(viewed.destination))
            }
            Self::Completed(job) => {
                format!("last job {}", job.as_ref().map_or_else(code, |job| format!("{:?}", job.kind)))
            }
        })
    }
}

fn words(result: &Result<()>) -> String {
    result.as_ref().err().map_or_else(|| "done".to_owned(), code)
}

fn code(error: &Error) -> String {
    error.libvirt_code().map_or_else(|| "no error of libvirt's".to_owned(), |code| format!("error {code}"))
}

fn answer(answer: Answer) -> String {
    match answer {
        Answer::State(state) => state.to_string(),
        Answer::Absent => "absent".to_owned(),
        Answer::Unknown => "no answer".to_owned(),
    }
}

const fn wish_words(wish: Wish) -> &'static str {
    match wish {
        Wish::Abort => "abort",
        Wish::Force => "force",
        Wish::SetMaxDowntime(_) => "set-max-downtime",
        Wish::SetBandwidth(_) => "set-bandwidth",
    }
}

const fn outside_words(outside: Outside) -> &'static str {
    match outside {
        Outside::Paused => "paused",
        Outside::PostCopy => "post-copy",
        Outside::Aborted => "aborted",
    }
}
