//! What must hold, whatever happens.

use std::collections::BTreeMap;

use libvirt_migrate::engine::{Engine, Input, Reply};
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::record::Act;
use libvirt_migrate::update::Update;
use libvirt_migrate::{Error, Result};

use crate::setup::Setup;
use crate::sim::Report;
use crate::world::{Api, Daemon, Phase, Places, S, Side, Time, World};

/// Where the destination could not be asked.
const DOUBT: &str = "may run the guest as well";

type Verdict = std::result::Result<(), String>;

/// See the module.
#[derive(Default)]
pub struct Judge {
    /// Where the guest truly was, since when.
    places: Vec<(Time, Places)>,
    /// When each order was given.
    ordered: BTreeMap<u64, Time>,
    /// Since when the engine knows what it knows.
    since: Time,
    /// When each host last had all of the guest.
    whole: [Option<Time>; 2],
    /// When the guest arrived.
    arrived: Option<Time>,
    /// How often each wish was answered.
    wishes: BTreeMap<u64, u32>,
    ended: u32,
    switched: bool,
    fraction: f64,
    /// The guest stands still at the source by our hand.
    held: bool,
    /// The source could be asked for a while before the end was told.
    reachable: bool,
    ran: bool,
    /// Since when the guest has run at the destination.
    stale: Option<Time>,
    /// It is sent paused: at no moment may it run at both hosts.
    exclusive: bool,
    /// The call is somebody else's.
    beside: bool,
    /// It stood still before.
    paused: bool,
}

/// What is thought of a call before it is made.
pub struct Before(Option<String>);

impl Before {
    /// It was carried out, or not.
    pub fn done(self, carried_out: bool) -> Verdict {
        match self.0 {
            Some(what) if carried_out => Err(what),
            _ => Ok(()),
        }
    }
}

impl Judge {
    pub fn new(setup: &Setup) -> Self {
        let (exclusive, paused, beside) = (setup.exclusive, setup.paused, setup.scope.is_beside());
        Self { exclusive, paused, beside, ..Self::default() }
    }

    pub fn ordered(&mut self, number: u64, now: Time) {
        self.ordered.insert(number, now);
    }

    /// A call has returned: what it says is of now, or of the time at which the guest arrived.
    pub fn facts(&mut self, now: Time) {
        let arrived = self.arrived.filter(|arrived| *arrived < now).unwrap_or(now);
        self.ordered.insert(u64::MAX, arrived);
    }

    pub fn arrived(&mut self, now: Time) {
        self.arrived = Some(now);
    }

    pub fn input(&mut self, input: &Input) {
        let Input::Done(ticket, reply) = input else { return };
        let number = match reply {
            Reply::Called { .. } => u64::MAX,
            // What the destination does not tell is known as before.
            Reply::Asked(answers) if answers.destination == Answer::Unknown => return,
            Reply::Asked(_) | Reply::Viewed(_) => ticket.number,
            _ => return,
        };
        self.since = self.ordered.get(&number).copied().unwrap_or(self.since);
    }

    pub fn wished(&mut self, number: u64) {
        self.wishes.insert(number, 0);
    }

    pub fn answered(&mut self, number: u64) -> Verdict {
        match self.wishes.get_mut(&number) {
            Some(0) => {
                self.wishes.insert(number, 1);
                Ok(())
            }
            Some(_) => Err(format!("wish {number} was answered twice")),
            None => Err(format!("wish {number} was answered before it was made")),
        }
    }

    /// A place that is true and can be found out.
    pub fn honest(&self, world: &World) -> Option<GuestLocation> {
        let asked = world.hosts.iter().all(|host| host.daemon == Daemon::Up) && world.flow.is_none();
        if !asked {
            return None;
        }
        use GuestLocation::{DestinationPaused, DestinationRunning, SourcePaused, SourceRunning};
        let places = world.places();
        [SourceRunning, DestinationRunning, SourcePaused, DestinationPaused]
            .into_iter()
            .find(|place| places.has(*place))
    }

    /// What is wrong with a call of the engine's that is going to be carried out.
    pub fn before(&mut self, side: Side, api: Api, world: &World) -> Before {
        self.ran = world.at(Side::Source).runs();
        let there = world.at(Side::Destination);
        let was_whole = |side: Side| self.whole[side as usize].is_some_and(|when| when >= self.since);
        let wrong = match (api, side) {
            (Api::Resume, Side::Destination) if self.paused => Some("it stood still before"),
            (Api::Resume, Side::Destination) if !self.exclusive => Some("nobody has asked for that"),
            (Api::Resume, Side::Destination) if world.at(Side::Source).qemu.is_some() => {
                Some("the source has not given it up")
            }
            (Api::Resume, Side::Source) if world.stale => Some("the guest has run at the destination"),
            // One whose daemon is down is ended by it when it starts again; one that was sent paused is started by nobody.
            (Api::Resume, Side::Source)
                if there.whole()
                    && world.arrival.is_some()
                    && there.daemon != Daemon::Down
                    && !self.exclusive =>
            {
                Some("the destination is about to start the guest")
            }
            // A definition without a process is no twin: that one has ended by itself.
            (Api::Destroy | Api::Undefine, _)
                if world.twins && self.is_stale(world) && world.at(side).qemu.is_some() =>
            {
                Some("nobody has chosen which twin to keep")
            }
            (Api::Destroy, _) if world.migrates() => Some("its migration runs"),
            (Api::Destroy, Side::Source) if self.ran => Some("the guest runs there"),
            (Api::Destroy, Side::Source) if !was_whole(Side::Destination) => {
                Some("the destination has not got all of it")
            }
            (Api::Destroy, Side::Destination) if self.is_stale(world) => Some("the source's memory is old"),
            (Api::Destroy, Side::Destination) if !was_whole(Side::Source) => {
                Some("the source has not got it")
            }
            (Api::Undefine, Side::Destination) if self.exclusive && self.ran && !world.stale => None,
            (Api::Undefine, Side::Destination) => Some("nobody has asked for that"),
            (Api::Undefine, Side::Source) if !there.domain.is_some_and(|domain| domain.persistent) => {
                Some("the destination keeps no definition")
            }
            (Api::Undefine, Side::Source) if !was_whole(Side::Destination) => {
                Some("the destination has not got the guest")
            }
            _ => None,
        };
        Before(wrong.map(|why| format!("{side:?}: {api:?}, although {why}: {}", world.in_words())))
    }

    /// Whether the guest has run at the destination, long enough for somebody to have seen it.
    fn is_stale(&self, world: &World) -> bool {
        world.stale && self.stale.is_some_and(|since| world.now > since + S)
    }

    pub fn did(&mut self, _side: Side, api: Api, done: bool, world: &World) {
        self.held |= api == Api::Suspend && done && self.ran && !world.at(Side::Source).runs();
    }

    /// libvirt has begun a migration.
    pub fn began(&self, world: &World) -> Verdict {
        let moved_paused = self.held && world.flow.as_ref().is_some_and(|flow| flow.arrives_paused);
        if moved_paused {
            return Err("paused before libvirt was asked to move it, so it arrives paused".into());
        }
        Ok(())
    }

    /// What holds at every moment.
    pub fn after(&mut self, world: &World) -> Verdict {
        let (here, there) = (world.at(Side::Source), world.at(Side::Destination));
        // libvirt alone has it go on at both, and not where it was sent paused.
        if here.runs() && there.runs() && (!world.twins || self.exclusive) {
            return Err(format!("it runs at both hosts: {}", world.in_words()));
        }
        if !world.hosts.iter().any(|host| host.domain.is_some_and(|domain| domain.persistent)) {
            return Err("no host keeps a definition of it".into());
        }
        for (when, host) in self.whole.iter_mut().zip(&world.hosts) {
            if host.whole() {
                *when = Some(world.now);
            }
        }
        self.held &= !here.runs() && here.qemu.is_some();
        self.stale = if world.stale { self.stale.or(Some(world.now)) } else { None };
        let places = world.places();
        if self.places.last().is_none_or(|last| last.1 != places) {
            self.places.push((world.now, places));
        }
        Ok(())
    }

    /// Whether a place was true at some time since the engine's facts were found out.
    fn was_true(&self, place: GuestLocation, world: &World) -> bool {
        if world.places().has(place) {
            return true;
        }
        for (since, places) in self.places.iter().rev() {
            if places.has(place) {
                return true;
            }
            // What is found out at the same moment cannot be told any more.
            if *since <= self.since.saturating_sub(S) {
                break;
            }
        }
        false
    }

    /// Takes what is told. Returns whether it was the end.
    pub fn told(
        &mut self,
        update: &Update,
        world: &World,
        report: &mut Report,
    ) -> std::result::Result<bool, String> {
        if self.ended > 0 {
            return Err(format!("told after the end: {update:?}"));
        }
        match update {
            Update::Progress(progress) => {
                let fraction = progress.fraction;
                if !(self.fraction..=1.0).contains(&fraction) {
                    return Err(format!("the part that is done goes from {} to {fraction}", self.fraction));
                }
                self.fraction = fraction;
            }
            Update::Switchover { .. } => {
                if std::mem::replace(&mut self.switched, true) {
                    return Err("the switchover was told twice".into());
                }
                if !world.switched {
                    return Err("a switchover was told that has not been".into());
                }
            }
            Update::Step(step) => {
                report.words.push(step.to_string());
                if step.act == Act::Look {
                    self.looked(&step.reason, world)?;
                }
            }
            Update::Ended(end) => {
                self.ended += 1;
                report.ended_at = world.now;
                self.end(end, world, report)?;
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }

    /// What was said of a migration of which nothing is heard.
    fn looked(&self, said: &str, world: &World) -> Verdict {
        let claims = [
            ("the guest runs at the destination, and", GuestLocation::DestinationRunning),
            ("the guest runs at the source, and", GuestLocation::SourceRunning),
            ("the guest runs at both hosts", GuestLocation::BothRunning),
        ];
        for (claim, place) in claims {
            if said.contains(claim) && !self.was_true(place, world) {
                return Err(format!("it was not so: {said}: {}", world.in_words()));
            }
        }
        Ok(())
    }

    fn end(
        &mut self,
        end: &Result<libvirt_migrate::record::Outcome>,
        world: &World,
        report: &mut Report,
    ) -> Verdict {
        let place = match end {
            Ok(outcome) => outcome.guest_location,
            Err(Error::MigrationFailed { location, .. } | Error::MigrationCancelled { location, .. }) => {
                *location
            }
            Err(_) => GuestLocation::Unknown,
        };
        let answers = world.at(Side::Source).daemon == Daemon::Up && !world.links.caller_cut[0];
        self.reachable = answers && world.now > world.answers_since + 2 * S;
        report.words.push(match end {
            Ok(_) => "done".into(),
            Err(error) => error.to_string(),
        });
        (report.told, report.moved) = (Some(place), end.is_ok());
        // By one host's word alone, after which libvirt may have both go on: told with the doubt that it deserves.
        let doubted = (place.is_at_source() || place.is_at_destination())
            && report.words.iter().any(|word| word.contains(DOUBT));
        if !self.was_true(place, world) && !doubted {
            return Err(format!("told {place}, which is not true: {}", world.in_words()));
        }
        // Of a run that was aborted in order to start again nothing counts.
        let whole = |job: &&JobInfo| job.kind == JobType::Completed && job.disk_total.is_none();
        let last = world.completed.as_ref().filter(whole);
        if let (Ok(outcome), Some(last), true) = (end, last, world.flows > 1)
            && (Some(outcome.bytes) > last.data_processed || Some(outcome.iterations) > last.memory_iteration)
        {
            let (bytes, passes) = (outcome.bytes, outcome.iterations);
            return Err(format!(
                "told {bytes} bytes in {passes} passes, and the run that moved it had fewer"
            ));
        }
        if end.is_ok() && self.exclusive && place != GuestLocation::DestinationRunning {
            return Err(format!("told as done, and it is {place} although it ran before"));
        }
        // Beside somebody else's call what counts is that it has moved: its owner sees to a guest that is shut off.
        let left = self.beside && place == GuestLocation::DestinationShutOff;
        let unknown = place == GuestLocation::Unknown && world.doubtful && !world.at(Side::Source).runs();
        if end.is_ok() && !place.is_at_destination() && !left && !unknown {
            return Err(format!("told as done, and the guest is {place}"));
        }
        let runs_on = matches!(
            world.flow.as_ref().map(|flow| flow.phase),
            Some(Phase::Begin | Phase::Prepare | Phase::Perform | Phase::Switchover | Phase::Done)
        );
        let at_source = place.is_at_source() || place == GuestLocation::BothPaused;
        let forgotten = world.at(Side::Source).daemon == Daemon::Down;
        // Whoever makes the call follows one that broke, and says where the guest is (`Scope::Call`).
        if runs_on && at_source && !forgotten && !self.beside && !self.is_old(world) {
            return Err(format!("told {place} as the end of a migration that runs: {}", world.in_words()));
        }
        Ok(())
    }

    /// Whether what the engine knows is old by no fault of its own.
    fn is_old(&self, world: &World) -> bool {
        world.now > self.since + S
    }

    /// What holds when nothing happens any more.
    pub fn at_the_end(&self, engine: &Engine, world: &World, report: &Report, ours: bool) -> Verdict {
        if !engine.is_ended() {
            return Err(format!("nothing happens any more, and it has not ended: {}", world.in_words()));
        }
        if self.ended != 1 {
            return Err(format!("its end was told {} times", self.ended));
        }
        if let Some((wish, _)) = self.wishes.iter().find(|(_, answers)| **answers != 1) {
            return Err(format!("wish {wish} was not answered"));
        }
        let told = report.told.unwrap_or(GuestLocation::Unknown);
        let moved = world.at(Side::Destination).whole();
        // One that has run at the destination since is left as it is, on purpose.
        let stands = self.held && ours && !moved && world.flow.is_none() && !world.stale;
        // One that waits for its switchover stands still by libvirt's hand as well, and may run elsewhere.
        let waits = world.at(Side::Source).domain.is_some_and(|domain| domain.state.is_migrating());
        if stands && told == GuestLocation::SourceRunning {
            return Err(format!("left paused by us: {}", world.in_words()));
        }
        if stands && told == GuestLocation::Unknown && !waits && self.reachable {
            return Err(format!("left paused by us, and told as unknown: {}", world.in_words()));
        }
        Ok(())
    }
}
