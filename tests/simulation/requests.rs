//! Requests and their answers, over connections that may break; and events, which come over one of them.

use libvirt_migrate::Result;
use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::engine::Order;

use crate::caller::{CONNECT_LIMIT, KILL_WAIT, LOCK_WAIT, Request, WAY, error, take};
use crate::dice::Draw;
use crate::kind::Kind;
use crate::sim::{Happening, Sim, short};
use crate::task::{Over, Returned};
use crate::world::{Api, Daemon, MS, Said, Side, Time};

impl Sim {
    pub fn request(&mut self, task: usize, over: Over, api: Api) {
        let connection = match over {
            Over::Own => self.caller.own,
            Over::Control => self.caller.control,
            Over::There => self.destination_connection(),
            Over::New(side) => {
                self.made[task] = self.caller.connect(side);
                self.made[task]
            }
            Over::Made => self.made[task],
        };
        let number = self.caller.requests.len();
        let killed = self.world.at(self.caller.connections[connection].side).killed;
        self.caller.requests.push(Request { task, connection, api, killed, answered: false });
        if !self.caller.connections[connection].alive {
            return self.agenda.put(self.world.now + MS, Happening::Broken(number));
        }
        let kind = Kind::of(&self.tasks[task].order);
        let late = take(&mut self.caller.wrong.late_call, kind).unwrap_or(0);
        self.quiet = self.quiet.max(self.world.now + late);
        let way = self.world.dice.between(Draw::Way, WAY.0, WAY.1);
        self.agenda.put(self.world.now + way + late, Happening::Arrive(number));
    }

    fn destination_connection(&mut self) -> usize {
        let kept = self.caller.there.filter(|there| self.caller.connections[*there].alive);
        let there = kept.unwrap_or_else(|| self.caller.connect(Side::Destination));
        self.caller.there = Some(there);
        there
    }

    /// A request is at its daemon, if that takes it.
    pub fn arrive(&mut self, number: usize) -> std::result::Result<(), String> {
        let Request { connection, api, killed, answered, task } = self.caller.requests[number].clone();
        let side = self.caller.connections[connection].side;
        if answered && self.world.at(side).killed != killed {
            // The daemon that had it is gone.
            return Ok(());
        }
        // A daemon may still do what it was asked for over a connection that is gone.
        if answered && !self.world.dice.percent(Draw::Fork, 50) {
            return Ok(());
        }
        if self.world.at(side).daemon == Daemon::Down {
            self.cut_one(connection);
            return Ok(());
        }
        if self.world.links.caller_cut[side as usize] || self.world.at(side).daemon == Daemon::Hung {
            if self.caller.connections[connection].opening {
                self.agenda.put(self.world.now + CONNECT_LIMIT, Happening::NotMade(number));
            }
            self.caller.waiting[side as usize].push(number);
            return Ok(());
        }
        self.caller.connections[connection].opening = false;
        let kind = Kind::of(&self.tasks[task].order);
        if let Some(code) = self.refusal(kind) {
            self.note(|_| format!("    {api:?} refused: {code}"));
            self.send_answer(number, Err(error(code)), 0);
            return Ok(());
        }
        self.execute(number, side, api, kind)
    }

    fn execute(
        &mut self,
        number: usize,
        side: Side,
        api: Api,
        kind: Kind,
    ) -> std::result::Result<(), String> {
        let before = self.judge.before(side, api, &self.world);
        let deaf = self.world.at(side).deaf;
        let flags = self.plan.setup.flags;
        let returned = self.world.call(side, api, number, flags);
        self.note(|_| format!("    {side:?} {api:?}: {}", short(&format!("{returned:?}"))));
        let Some(result) = returned else {
            before.done(true)?;
            self.judge.began(&self.world)?;
            return Ok(());
        };
        before.done(result.is_ok())?;
        self.judge.did(side, api, result.is_ok(), &self.world);
        let wait = match (api, &result) {
            (Api::Destroy, Ok(_)) if deaf => KILL_WAIT,
            (_, Err(68)) if deaf || self.world.at(side).locked => LOCK_WAIT,
            _ => 0,
        };
        let result = self.subscription(number, api, result).map_err(error);
        if let Some(at) = self.caller.wrong.lose.iter().position(|lost| *lost == kind) {
            self.caller.wrong.lose.remove(at);
            self.cut_one(self.caller.requests[number].connection);
            return Ok(());
        }
        self.send_answer(number, result, wait);
        Ok(())
    }

    fn subscription(
        &mut self,
        number: usize,
        api: Api,
        result: std::result::Result<Said, i32>,
    ) -> std::result::Result<Said, i32> {
        if api != Api::Subscribe {
            return result;
        }
        self.caller.subscriptions += 1;
        let had = self.plan.setup.events.is_some_and(|after| self.caller.subscriptions > after);
        let connection = self.caller.requests[number].connection;
        self.caller.connections[connection].subscribed = had;
        Ok(Said::Yes(had))
    }

    fn refusal(&mut self, kind: Kind) -> Option<i32> {
        let list = &mut self.caller.wrong.refuse;
        let at = list.iter().position(|(of, ..)| *of == kind)?;
        list[at].2 -= 1;
        let code = list[at].1;
        if list[at].2 == 0 {
            list.remove(at);
        }
        Some(code)
    }

    pub fn send_answer(&mut self, number: usize, result: Result<Said>, wait: Time) {
        let way = self.world.dice.between(Draw::Way, WAY.0, WAY.1);
        self.agenda.put(self.world.now + way + wait, Happening::Answer(number, result));
    }

    pub fn answer(&mut self, number: usize, result: Result<Said>) -> std::result::Result<(), String> {
        let connection = &self.caller.connections[self.caller.requests[number].connection];
        if self.world.links.caller_cut[connection.side as usize] && connection.alive {
            self.caller.coming[connection.side as usize].push((number, result));
            return Ok(());
        }
        let alive = connection.alive;
        self.returned(number, (result, alive))
    }

    pub fn returned(&mut self, number: usize, returned: Returned) -> std::result::Result<(), String> {
        let request = &mut self.caller.requests[number];
        if std::mem::replace(&mut request.answered, true) {
            return Ok(());
        }
        let (task, connection) = (request.task, request.connection);
        if matches!(self.tasks[task].order, Order::Reconnect) && returned.0.is_ok() {
            let before = std::mem::replace(&mut self.caller.control, connection);
            if before != connection {
                self.caller.connections[before].subscribed = false;
            }
        }
        self.go_on(task, Some(returned))
    }

    /// Ends one connection; what waits for it fails.
    pub fn cut_one(&mut self, connection: usize) {
        for number in self.caller.cut(connection) {
            self.agenda.put(self.world.now + MS, Happening::Broken(number));
        }
    }

    pub fn cut_connections(&mut self, side: Side) {
        let there = |number: &usize| {
            let connection = &self.caller.connections[*number];
            connection.side == side && connection.alive
        };
        let all: Vec<usize> = (0..self.caller.connections.len()).filter(there).collect();
        for connection in all {
            self.cut_one(connection);
        }
        self.caller.coming[side as usize].clear();
    }

    /// An event of the source's goes to whoever wants it.
    pub fn spread(&mut self, event: DomainEvent) {
        self.report.events.push(event.clone());
        let now = self.world.now;
        let subscribed = |number: &usize| {
            let connection = &self.caller.connections[*number];
            connection.subscribed && connection.alive
        };
        let all: Vec<usize> = (0..self.caller.connections.len()).filter(subscribed).collect();
        for number in all {
            if self.caller.wrong.lose_events > 0 {
                continue;
            }
            if self.world.links.caller_cut[Side::Source as usize] {
                self.caller.events.push((number, event.clone()));
                continue;
            }
            let late = self.caller.wrong.late_events.last().copied().unwrap_or(0);
            let way = self.world.dice.between(Draw::Event, WAY.0, WAY.1);
            let connection = &mut self.caller.connections[number];
            connection.last_event = connection.last_event.max(now + way + late);
            let when = connection.last_event;
            if self.caller.wrong.double_events > 0 {
                self.agenda.put(when + 5 * way, Happening::Event(number, event.clone()));
            }
            self.agenda.put(when, Happening::Event(number, event.clone()));
        }
    }
}
