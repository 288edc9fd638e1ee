//! Carrying an order out: which calls it is made of, one after the other, and what its reply is made of.

use libvirt_migrate::Result;
use libvirt_migrate::belongings::Brought;
use libvirt_migrate::engine::{Change, Moved, Order, Probe, Reconnected, Reply, Ticket, Viewed};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::fact::Fact;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::{Answer, Answers};
use libvirt_migrate::state::DomainState;

use crate::world::{Api, Said, Side};

/// Over what a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The connection that the blocked call is made over.
    Own,
    /// The one for short calls to the source.
    Control,
    /// The one to the destination, made anew where it is gone.
    There,
    /// A new one, which the order keeps.
    New(Side),
    /// The one that the order has made.
    Made,
}

/// What comes next.
pub enum Next {
    Call(Over, Api),
    Done(Box<Reply>),
}

/// What a call returned, and whether its connection stands.
pub type Returned = (Result<Said>, bool);

/// An order that is being carried out.
pub struct Task {
    pub ticket: Ticket,
    pub order: Order,
    /// The destination's URI is known.
    destination: bool,
    /// The source does not know the guest any more.
    gone: bool,
    step: u32,
    source: Answer,
    there: Answer,
    job: Fact<Moved>,
    sampled: Option<Result<Box<JobInfo>>>,
    refused: Option<libvirt_migrate::Error>,
}

impl Task {
    pub fn new(ticket: Ticket, order: Order, destination: bool, gone: bool) -> Self {
        Self {
            ticket,
            order,
            destination,
            gone,
            step: 0,
            source: Answer::Unknown,
            there: Answer::Unknown,
            job: Fact::Unknown,
            sampled: None,
            refused: None,
        }
    }

    /// What comes next, after what the last call returned.
    pub fn next(&mut self, last: Option<Returned>) -> Next {
        self.step += 1;
        match self.order.clone() {
            Order::Call(terms) => match last {
                None => Next::Call(Over::Own, Api::Migrate { throttled: terms.throttle.is_some() }),
                Some((result, connected)) => {
                    done(Reply::Called { result: result.map(drop), connected, location: None })
                }
            },
            Order::Prepare | Order::Subscribe => self.subscribe(last, Over::Control),
            Order::Reach => match last {
                None if self.destination => Next::Call(Over::There, Api::State),
                _ => done(Reply::Reached),
            },
            Order::Sample { state } => self.sample(state, last),
            Order::Probe(probe) => match last {
                None if self.destination => Next::Call(Over::There, Api::Probe),
                // Only its system's refusal is an error.
                Some((Err(error), true)) => changed(Err(error)),
                Some((Err(error), false)) if probe != Probe::Definition => changed(Err(error)),
                _ => changed(Ok(())),
            },
            Order::Change(change) => self.change(change, last),
            Order::Ask => self.ask(last),
            Order::Look => self.look(last),
            Order::Reconnect => self.reconnect(last),
            Order::View => self.view(last),
            Order::Completed => match last {
                None => Next::Call(Over::Control, Api::JobInfo { completed: true }),
                Some((result, _)) => done(Reply::Completed(result.map(job))),
            },
            Order::Bring => match last {
                None if self.destination => Next::Call(Over::There, Api::SetAutostart(true)),
                _ => done(Reply::Brought(Brought::default())),
            },
        }
    }

    fn subscribe(&self, last: Option<Returned>, over: Over) -> Next {
        match last {
            None => Next::Call(over, Api::Subscribe),
            Some((result, _)) => done(Reply::Subscribed { events: matches!(result, Ok(Said::Yes(true))) }),
        }
    }

    fn sample(&mut self, state: bool, last: Option<Returned>) -> Next {
        let Some((result, connected)) = last else {
            return Next::Call(Over::Control, Api::JobInfo { completed: false });
        };
        if self.step == 2 {
            let answered = result.is_ok();
            self.sampled = Some(result.map(job));
            if state {
                return Next::Call(Over::Control, Api::State);
            }
            return self.sampled(None, answered || connected);
        }
        let answered = result.is_ok() || self.sampled.as_ref().is_some_and(Result::is_ok);
        self.sampled(Some(result.map(state_of)), answered || connected)
    }

    fn sampled(&mut self, state: Option<Result<DomainState>>, connected: bool) -> Next {
        let job = self.sampled.take().unwrap_or_else(|| Ok(Box::default()));
        done(Reply::Sampled { job, state, connected })
    }

    fn change(&mut self, change: Change, last: Option<Returned>) -> Next {
        let call = match change {
            Change::SetMaxDowntime(ms) => (Over::Control, Api::SetMaxDowntime(ms)),
            Change::SetBandwidth { mib_per_second, .. } => (Over::Control, Api::SetBandwidth(mib_per_second)),
            Change::StartPostCopy => (Over::Control, Api::StartPostCopy),
            Change::Pause => (Over::Control, Api::Suspend),
            Change::Abort => (Over::Control, Api::Abort { post_copy: false }),
            Change::FinishAbort => (Over::Control, Api::FinishAbort),
            Change::Resume => (Over::Control, Api::Resume),
            Change::ResumeDestination => (Over::There, Api::Resume),
            Change::Release => (Over::Control, Api::Abort { post_copy: true }),
            Change::DestroySource => (Over::Control, Api::Destroy),
            Change::DestroyDestination => (Over::There, Api::Destroy),
            Change::UndefineSource => (Over::Control, Api::Undefine),
            Change::UndefineDestination => (Over::There, Api::Undefine),
        };
        let Some((result, _)) = last else { return Next::Call(call.0, call.1) };
        if let Some(error) = self.refused.take() {
            let state = Fact::from_answer(result.map(state_of));
            return done(Reply::Changed { result: Err(error), state });
        }
        match (result, change) {
            (Err(error), Change::Abort) => {
                self.refused = Some(error);
                Next::Call(Over::Control, Api::State)
            }
            // There is nothing left to do.
            (Err(error), Change::DestroyDestination | Change::UndefineDestination)
                if error.libvirt_code() == Some(LibvirtError::NO_DOMAIN) =>
            {
                changed(Ok(()))
            }
            (result, _) => changed(result.map(drop)),
        }
    }

    fn ask(&mut self, last: Option<Returned>) -> Next {
        let result = match last {
            None if self.gone => Err(absent()),
            None => return Next::Call(Over::Control, Api::State),
            Some((result, _)) => result,
        };
        if self.step > 2 || (self.gone && self.step == 2) {
            self.there = Answer::of(result.map(state_of));
            return self.answers();
        }
        self.source = Answer::of(result.map(state_of));
        let settles = matches!(self.source, Answer::State(state) if state.is_running()
            && !state.goes_on_after_failure() && !state.is_post_copy() && !state.is_post_copy_failed());
        if settles || !self.destination {
            return self.answers();
        }
        Next::Call(Over::There, Api::State)
    }

    fn answers(&self) -> Next {
        done(Reply::Asked(Answers { source: self.source, destination: self.there }))
    }

    fn look(&mut self, last: Option<Returned>) -> Next {
        match (self.step, last) {
            (1, _) => Next::Call(Over::New(Side::Source), Api::Open),
            (2, Some((Ok(_), _))) => Next::Call(Over::Made, Api::State),
            (2 | 3, Some((result, _))) => {
                self.source = Answer::of(result.map(state_of));
                if !self.destination {
                    return self.answers();
                }
                self.step = 3;
                Next::Call(Over::New(Side::Destination), Api::Open)
            }
            (4, Some((Ok(_), _))) => Next::Call(Over::Made, Api::State),
            (_, Some((result, _))) => {
                self.there = Answer::of(result.map(state_of));
                self.answers()
            }
            (_, None) => self.answers(),
        }
    }

    fn reconnect(&self, last: Option<Returned>) -> Next {
        match (self.step, last) {
            (1, _) => Next::Call(Over::New(Side::Source), Api::Open),
            (2, Some((Ok(_), _))) => Next::Call(Over::Made, Api::Subscribe),
            (2, Some((Err(error), _))) if error.libvirt_code() == Some(LibvirtError::NO_DOMAIN) => {
                done(Reply::Reconnected(Reconnected::Gone))
            }
            (2, Some((Err(error), _))) => done(Reply::Reconnected(Reconnected::Failed(error))),
            (_, last) => {
                let events = matches!(last, Some((Ok(Said::Yes(true)), _)));
                done(Reply::Reconnected(Reconnected::There { events }))
            }
        }
    }

    /// The source's state, the destination's, the job, and whether the destination keeps a definition.
    fn view(&mut self, last: Option<Returned>) -> Next {
        let last = last.map(|(result, _)| result);
        match (self.step, last) {
            (1, _) if !self.gone => return Next::Call(Over::Control, Api::State),
            (1, _) => (self.source, self.step) = (Answer::Absent, 2),
            (2, Some(result)) => self.source = Answer::of(result.map(state_of)),
            (3, Some(result)) => self.there = Answer::of(result.map(state_of)),
            (4, Some(result)) => {
                self.job = Fact::from_answer(result.map(job))
                    .filter(|job| is_outgoing(job))
                    .map(|job| Moved { processed: job.memory_processed, remaining: job.memory_remaining });
            }
            (_, Some(result)) => {
                let kept = Fact::from_answer(result).filter(|said| *said == Said::Yes(true));
                return self.viewed(kept.map(drop));
            }
            (_, None) => return self.viewed(Fact::Unknown),
        }
        if self.step == 2 && self.destination {
            return Next::Call(Over::There, Api::State);
        }
        self.step = self.step.max(3);
        if self.step == 3 && !self.gone {
            return Next::Call(Over::Control, Api::JobInfo { completed: false });
        }
        if self.gone {
            self.job = Fact::Absent;
        }
        self.step = 4;
        match self.there {
            Answer::State(_) => Next::Call(Over::There, Api::Persistent),
            Answer::Absent => self.viewed(Fact::Absent),
            Answer::Unknown => self.viewed(Fact::Unknown),
        }
    }

    fn viewed(&self, persistent: Fact<()>) -> Next {
        let (source, destination, job) = (self.source, self.there, self.job);
        done(Reply::Viewed(Viewed { source, destination, job, persistent }))
    }
}

fn absent() -> libvirt_migrate::Error {
    LibvirtError::found_here(LibvirtError::NO_DOMAIN, "no domain").into()
}

fn done(reply: Reply) -> Next {
    Next::Done(Box::new(reply))
}

fn changed(result: Result<()>) -> Next {
    done(Reply::Changed { result, state: Fact::Unknown })
}

fn is_outgoing(job: &JobInfo) -> bool {
    matches!(job.kind, JobType::Bounded | JobType::Unbounded) && job.operation != Some(4)
}

fn job(said: Said) -> Box<JobInfo> {
    match said {
        Said::Job(job) => job,
        _ => Box::default(),
    }
}

fn state_of(said: Said) -> DomainState {
    match said {
        Said::State(state) => state,
        _ => DomainState::new(0, 0),
    }
}
