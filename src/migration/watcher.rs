//! The one thread that watches all migrations of the process.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::hands::Hands;
use super::order::Answer;
use super::shared::Shared;
use super::watch::Watch;
use crate::domain::DomainEvent;
use crate::policy::Policy;
use crate::{Error, Result};

/// What the watcher is told.
enum Message {
    Add(Arc<Shared>, Option<Box<dyn Policy>>),
    Event(u64, DomainEvent),
    Answer(u64, Box<Answer>),
    /// Something was asked for: look at it soon.
    Wake(u64),
    Restarted(u64),
    Forget(u64),
}

/// Where to tell it, and in which process: a fork takes the variable along and leaves the thread behind.
static WATCHER: Mutex<Option<(u32, Sender<Message>)>> = Mutex::new(None);

/// Watches a migration, with a policy or without.
pub(super) fn add(shared: &Arc<Shared>, policy: Option<Box<dyn Policy>>) -> Result<()> {
    let mut watcher = WATCHER.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    let running = watcher.take().filter(|(owner, _)| *owner == process);
    let (_, sender) = match running {
        Some(running) => watcher.insert(running),
        None => watcher.insert((process, start()?)),
    };
    let _ = sender.send(Message::Add(shared.clone(), policy));
    Ok(())
}

/// Has it look at a migration soon.
pub(super) fn wake(shared: &Shared) {
    tell(Message::Wake(shared.id));
}

/// The migration's call was made once more.
pub(super) fn restarted(shared: &Shared) {
    tell(Message::Restarted(shared.id));
}

/// The migration is over.
pub(super) fn forget(shared: &Shared) {
    tell(Message::Forget(shared.id));
}

fn tell(message: Message) {
    let watcher = WATCHER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((process, sender)) = &*watcher
        && *process == std::process::id()
    {
        let _ = sender.send(message);
    }
}

fn start() -> Result<Sender<Message>> {
    let (sender, messages) = channel();
    let watcher = Watcher {
        sender: sender.clone(),
        hands: Hands::default(),
        watches: HashMap::new(),
        timers: BinaryHeap::new(),
    };
    let thread = std::thread::Builder::new().name("migration-watch".into());
    match thread.spawn(move || watcher.run(&messages)) {
        Ok(_) => Ok(sender),
        Err(error) => Err(Error::not_now(format!("no thread to watch migrations: {error}"))),
    }
}

struct Watcher {
    sender: Sender<Message>,
    hands: Hands,
    watches: HashMap<u64, (Watch, Option<Instant>)>,
    /// When something is due for which migration. An entry counts only if the migration has the same time.
    timers: BinaryHeap<Reverse<(Instant, u64)>>,
}

impl Watcher {
    fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let message = match self.pause() {
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(pause) => messages.recv_timeout(pause),
            };
            match message {
                Ok(message) => {
                    self.take(message);
                    // All that came meanwhile, before anything is given out.
                    messages.try_iter().for_each(|message| self.take(message));
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Never: it holds a sender itself.
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.serve();
        }
    }

    /// How long nothing is due; `None` for ever.
    fn pause(&self) -> Option<Duration> {
        let stuck = self.hands.relieve();
        let timer = self.timers.peek().map(|Reverse((when, _))| *when);
        let next = [stuck, timer].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn take(&mut self, message: Message) {
        let id = match message {
            Message::Add(shared, policy) => self.add(shared, policy),
            Message::Event(id, event) => self.with(id, |watch| watch.event(event)),
            Message::Answer(id, answer) => match self.watches.get_mut(&id) {
                Some((watch, _)) => {
                    watch.answer(*answer);
                    id
                }
                None => {
                    // What the answer holds may take a call to let go of.
                    self.hands.give(move || drop(answer));
                    return;
                }
            },
            Message::Wake(id) => self.with(id, Watch::hurry),
            Message::Restarted(id) => self.with(id, Watch::restarted),
            Message::Forget(id) => return self.forget(id),
        };
        self.schedule(id);
    }

    fn with(&mut self, id: u64, change: impl FnOnce(&mut Watch)) -> u64 {
        if let Some((watch, _)) = self.watches.get_mut(&id) {
            change(watch);
        }
        id
    }

    fn add(&mut self, shared: Arc<Shared>, policy: Option<Box<dyn Policy>>) -> u64 {
        let (id, sender) = (shared.id, self.sender.clone());
        let sink = Arc::new(move |event| {
            let _ = sender.send(Message::Event(id, event));
        });
        self.watches.insert(id, (Watch::new(shared, policy, sink), None));
        id
    }

    fn forget(&mut self, id: u64) {
        if let Some((watch, _)) = self.watches.remove(&id) {
            let control = watch.shared.set_control(None);
            self.hands.give(move || {
                drop(watch);
                drop(control);
            });
        }
    }

    /// Sets the timer for what is due next.
    fn schedule(&mut self, id: u64) {
        let Some((watch, scheduled)) = self.watches.get_mut(&id) else { return };
        let Some(due) = watch.due() else { return };
        if scheduled.is_none_or(|scheduled| due < scheduled) {
            *scheduled = Some(due);
            self.timers.push(Reverse((due, id)));
        }
    }

    /// Gives out what is due.
    fn serve(&mut self) {
        while let Some(&Reverse((when, id))) = self.timers.peek()
            && when <= Instant::now()
        {
            self.timers.pop();
            let Some((watch, scheduled)) = self.watches.get_mut(&id) else { continue };
            if *scheduled != Some(when) {
                continue;
            }
            *scheduled = None;
            match watch.order() {
                Some(order) => {
                    let (shared, sender) = (watch.shared.clone(), self.sender.clone());
                    self.hands.give(move || {
                        let answer = Box::new(order.carry_out(&shared));
                        let _ = sender.send(Message::Answer(id, answer));
                    });
                    // Its answer may not come: silence is told then.
                    self.schedule(id);
                }
                None if watch.is_over() => self.forget(id),
                None => self.schedule(id),
            }
        }
    }
}
