//! What the orders of one migration are carried out on: its domain, the connections to both hosts, what was read of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::view::Sides;
use crate::belongings::Belongings;
use crate::domain::{DomainOps, EventSink, GuestFacts, Subscription, XmlFlags};
use crate::domain_xml::stand_in;
use crate::engine::{Change, Order, Probe, Reconnected, Reply};
use crate::error::LibvirtError;
use crate::fact::Fact;
use crate::location::{Answer, Answers};
use crate::{Error, Result};

/// The hosts of one migration.
pub(super) struct Ground {
    /// The domain that the call is made on.
    pub domain: Arc<dyn DomainOps>,
    /// The guest, as it was before.
    pub guest: GuestFacts,
    /// The URI of the destination's daemon, where it is known.
    pub destination: Option<String>,
    /// What belongs to the guest beside its definitions, once it was read.
    belongings: OnceLock<Belongings>,
    connections: Mutex<Connections>,
}

/// What is kept as long as it is needed; letting go of it may take a call.
#[derive(Default)]
struct Connections {
    /// The domain over another connection, for everything but the call.
    control: Option<Arc<dyn DomainOps>>,
    /// The source does not know the guest any more.
    gone: bool,
    _events: Option<Subscription>,
    _destination: Option<Subscription>,
}

impl Ground {
    pub fn new(domain: Arc<dyn DomainOps>, guest: GuestFacts, destination: Option<String>) -> Self {
        Self { domain, guest, destination, belongings: OnceLock::new(), connections: Mutex::default() }
    }

    /// The domain for everything but the call that blocks.
    pub fn control(&self) -> Arc<dyn DomainOps> {
        self.with(|kept| kept.control.clone()).unwrap_or_else(|| self.domain.clone())
    }

    fn with<T>(&self, body: impl FnOnce(&mut Connections) -> T) -> T {
        body(&mut self.connections.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets go of all connections. May take calls.
    pub fn let_go(&self) {
        let kept = self.with(std::mem::take);
        drop(kept);
    }

    /// Does what is ordered, all but the call, and says what came of it. `sink` takes events, where they are to be had.
    pub fn carry_out(&self, order: &Order, sink: &EventSink) -> Reply {
        match order {
            Order::Call(_) => unreachable!("the call has a thread of its own"),
            Order::Prepare => self.prepare(sink),
            Order::Subscribe => self.subscribe(self.control().as_ref(), sink),
            Order::Reach => {
                let kept = self.destination.as_deref().and_then(|uri| self.domain.reach(uri));
                self.with(|connections| connections._destination = kept);
                Reply::Reached
            }
            Order::Sample { state } => self.sample(*state),
            Order::Probe(probe) => {
                Reply::Changed { result: guarded(|| self.probe(*probe)), state: Fact::Unknown }
            }
            Order::Change(change) => self.change(*change),
            Order::Ask => Reply::Asked(self.sides().ask()),
            Order::Look => Reply::Asked(self.look()),
            Order::Reconnect => Reply::Reconnected(self.reconnect(sink)),
            Order::View => Reply::Viewed(self.sides().view().0),
            Order::Completed => Reply::Completed(guarded(|| self.control().job_info(true).map(Box::new))),
            Order::Bring => Reply::Brought(guarded(|| Ok(self.bring())).unwrap_or_default()),
        }
    }

    fn sides(&self) -> Sides {
        Sides {
            source: self.control(),
            gone: self.with(|kept| kept.gone),
            destination: self.destination.clone(),
            uuid: self.guest.uuid.clone(),
        }
    }

    fn prepare(&self, sink: &EventSink) -> Reply {
        let control = self.domain.control();
        let domain = control.as_ref().unwrap_or(&self.domain).clone();
        let reply = self.subscribe(domain.as_ref(), sink);
        self.with(|kept| kept.control = control);
        let _ = self.belongings.set(Belongings::read(domain.as_ref()));
        reply
    }

    fn subscribe(&self, domain: &dyn DomainOps, sink: &EventSink) -> Reply {
        let subscription = domain.subscribe(sink.clone());
        let events = subscription.is_some();
        let before = self.with(|kept| std::mem::replace(&mut kept._events, subscription));
        drop(before);
        Reply::Subscribed { events }
    }

    fn sample(&self, state: bool) -> Reply {
        let domain = self.control();
        let job = guarded(|| domain.job_info(false).map(Box::new));
        let state = state.then(|| guarded(|| domain.state()));
        let answered = job.is_ok() || state.as_ref().is_some_and(Result::is_ok);
        Reply::Sampled { job, state, connected: answered || domain.is_connected() }
    }

    /// Finds out whether a change can be made.
    fn probe(&self, probe: Probe) -> Result<()> {
        let Some(uri) = self.destination.as_deref() else { return Ok(()) };
        if let Probe::Compression { post_copy } = probe {
            let hosts = self.control().hosts(uri);
            let takes = hosts.is_some_and(|hosts| hosts.can_compress(post_copy));
            return if takes { Ok(()) } else { Err(Error::not_now("not both hosts are known to take it")) };
        }
        let domain = self.control();
        let name = format!("{}-libvirt-migrate-probe", self.guest.name.as_deref().unwrap_or("guest"));
        let xml = domain.xml(XmlFlags::INACTIVE).ok().and_then(|xml| stand_in(&xml, &name).ok());
        xml.map_or(Ok(()), |xml| domain.check_destination_keeps(uri, &xml))
    }

    fn change(&self, change: Change) -> Reply {
        let domain = self.control();
        let there = |act: fn(&dyn DomainOps) -> Result<()>| match self.there()? {
            Some(there) => act(there.as_ref()),
            None => Ok(()),
        };
        let result = guarded(|| match change {
            Change::SetMaxDowntime(milliseconds) => domain.set_max_downtime(milliseconds),
            Change::SetBandwidth { mib_per_second, post_copy } => {
                domain.set_bandwidth(mib_per_second, post_copy)
            }
            Change::StartPostCopy => domain.start_post_copy(),
            Change::Pause => domain.suspend(),
            Change::Abort => domain.abort_job(false),
            Change::FinishAbort => domain.finish_abort(),
            Change::Resume => domain.resume(),
            Change::Release => domain.abort_job(true),
            Change::DestroySource => domain.destroy(),
            Change::UndefineSource => domain.undefine(),
            Change::ResumeDestination => match self.there()? {
                Some(there) => there.resume(),
                None => {
                    Err(LibvirtError::found_here(LibvirtError::NO_DOMAIN, "the guest is not there").into())
                }
            },
            Change::DestroyDestination => there(|there| there.destroy()),
            Change::UndefineDestination => there(|there| there.undefine()),
        });
        let asks = change == Change::Abort && result.is_err();
        let state = if asks { Fact::from_answer(guarded(|| domain.state())) } else { Fact::Unknown };
        Reply::Changed { result, state }
    }

    fn there(&self) -> Result<Option<Arc<dyn DomainOps>>> {
        match (self.destination.as_deref(), self.guest.uuid.as_deref()) {
            (Some(uri), Some(uuid)) => self.domain.at(uri, uuid),
            _ => Err(Error::unsupported("asking the destination, whose URI is not known")),
        }
    }

    /// What both hosts say over connections of their own.
    fn look(&self) -> Answers {
        let (source, asks) = match self.domain.reopen() {
            Ok(domain) => (Answer::of(guarded(|| domain.state())), domain),
            // There is only this one.
            Err(error) if error.libvirt_code() == Some(LibvirtError::NO_SUPPORT) => {
                (Answer::of(guarded(|| self.domain.state())), self.domain.clone())
            }
            Err(error) => (Answer::of(Err(error)), self.domain.clone()),
        };
        let uuid = self.guest.uuid.as_deref();
        let destination = match (self.destination.as_deref(), uuid) {
            (Some(uri), Some(uuid)) => asks.ask_destination(uri, uuid),
            _ => Answer::Unknown,
        };
        Answers { source, destination }
    }

    fn reconnect(&self, sink: &EventSink) -> Reconnected {
        match self.domain.reopen() {
            Ok(domain) => {
                let Reply::Subscribed { events } = self.subscribe(domain.as_ref(), sink) else {
                    unreachable!("it says whether events are delivered")
                };
                let before = self.with(|kept| kept.control.replace(domain));
                drop(before);
                Reconnected::There { events }
            }
            Err(error) if error.libvirt_code() == Some(LibvirtError::NO_DOMAIN) => {
                self.with(|kept| kept.gone = true);
                Reconnected::Gone
            }
            Err(error) => Reconnected::Failed(error),
        }
    }

    fn bring(&self) -> crate::belongings::Brought {
        let belongings = self.belongings.get().unwrap_or(&Belongings::UNREAD);
        belongings.bring(self.control().as_ref(), || self.there())
    }
}

/// A panic must not leave those who wait without an end.
pub(super) fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        let message = format!("a fault of libvirt-migrate: {what}");
        Err(LibvirtError::found_here(LibvirtError::INTERNAL_ERROR, message).into())
    })
}
