//! A service, event by event.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::arrivals::Arrival;
use super::chance::Chance;
use super::fleet::nanos;
use super::router::Router;
use super::served::Served;
use super::server::Server;
use super::service::Service;
use crate::batching::{Decision, Policy};
use crate::error::Result;
use crate::units::Nanos;

/// Which requests count.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    /// All but the first so many.
    After(u64),
    /// Those that are due from the first time up to, but without, the second.
    Due(Nanos, Nanos),
}

/// A request that waits or runs.
#[derive(Clone, Copy, Debug)]
struct Request {
    /// When it came to the queue that it waits in.
    at: Nanos,
    /// When it was due.
    since: Nanos,
    counts: bool,
}

/// A batch under way.
#[derive(Debug)]
struct Flight {
    requests: Vec<Request>,
    done: Nanos,
}

/// A session of a machine.
#[derive(Debug, Default)]
struct Session {
    flying: VecDeque<Flight>,
    /// Until when its device is taken.
    taken: Nanos,
}

/// A machine: one queue, and sessions that take batches from it.
#[derive(Debug)]
struct Machine {
    queue: VecDeque<Request>,
    sessions: Vec<Session>,
    /// Sessions that wait at the queue.
    asleep: Vec<usize>,
    /// Of them, those that are being woken.
    woken: usize,
    /// Whether the end of a delay will wake one.
    timed: bool,
    /// By how much longer than measured it takes for everything.
    pace: f64,
    /// Counts its losses: what was to happen in an earlier life does not.
    life: u32,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// A session that slept looks at the queue, since a request came.
    Woken,
    /// A session that slept looks at the queue, since the oldest request's delay is over.
    Due,
    /// This session's oldest batch is done, and its books are kept.
    Free(usize),
    /// The machine is lost.
    Lost,
    /// The machine is there again.
    Ready,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: Nanos,
    /// Of events at one time the one that was foreseen first comes first.
    order: u64,
    machine: usize,
    life: u32,
    what: What,
}

/// A service under way.
pub(super) struct Play<'a> {
    server: &'a Server,
    service: &'a Service,
    policy: Policy,
    machines: Vec<Machine>,
    router: Router,
    events: BinaryHeap<Reverse<Event>>,
    order: u64,
    /// Requests that came while no machine was there.
    homeless: VecDeque<Request>,
    /// Requests neither answered nor rejected.
    open: u64,
    chance: Chance,
    losses: Chance,
    count: Count,
    served: Served,
    /// Buffers of batches that are done.
    spare: Vec<Vec<Request>>,
    /// When the first counted request came and the last one: between them rates are taken.
    window: Option<(Nanos, Nanos)>,
    /// Whether more are to come.
    arriving: bool,
}

impl<'a> Play<'a> {
    /// A service that waits for its first request.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] for a largest batch that no policy takes.
    pub(super) fn new(service: &'a Service, count: Count, seed: u64) -> Result<Self> {
        let server = &service.server;
        let mut paces = Chance::new(seed, 1);
        let sessions = server.sessions.max(1);
        let machines = service.machines.max(1);
        let mut play = Self {
            server,
            service,
            policy: Policy::new(server.max_batch, server.max_delay, Vec::new())?,
            machines: (0..machines)
                .map(|_| Machine::new(sessions, service.fleet.pace(&mut paces)))
                .collect(),
            router: Router::new(service.route, machines),
            events: BinaryHeap::new(),
            order: 0,
            homeless: VecDeque::new(),
            open: 0,
            chance: Chance::new(seed, 2),
            losses: Chance::new(seed, 3),
            count,
            served: Served::default(),
            spare: Vec::new(),
            window: None,
            arriving: true,
        };
        (0..machines).for_each(|machine| play.live(machine, Nanos(0)));
        Ok(play)
    }

    /// Serves these requests, calling `told` now and then with how many have come.
    pub(super) fn serve(
        mut self,
        arrivals: impl Iterator<Item = Arrival>,
        told: &mut dyn FnMut(u64),
    ) -> Served {
        for (index, arrival) in (0u64..).zip(arrivals) {
            while let Some(event) = self.next(|at| at <= arrival.at) {
                self.happen(event);
            }
            self.arrive(index, arrival);
            if index % 65_536 == 0 {
                told(index);
            }
        }
        self.arriving = false;
        while self.open > 0 {
            let Some(event) = self.next(|_| true) else { break };
            self.happen(event);
        }
        self.close()
    }

    /// The next event, if it comes by then.
    fn next(&mut self, by: impl Fn(Nanos) -> bool) -> Option<Event> {
        let due = self.events.peek().is_some_and(|Reverse(event)| by(event.at));
        if due { self.events.pop().map(|Reverse(event)| event) } else { None }
    }

    fn foresee(&mut self, at: Nanos, machine: usize, what: What) {
        let life = self.machines[machine].life;
        self.order += 1;
        self.events.push(Reverse(Event { at, order: self.order, machine, life, what }));
    }

    /// Takes a request in.
    fn arrive(&mut self, index: u64, Arrival { at, since }: Arrival) {
        let counts = match self.count {
            Count::After(first) => index >= first,
            Count::Due(opens, ends) => (opens..ends).contains(&since),
        };
        if counts {
            let (first, _) = *self.window.get_or_insert((at, at));
            self.window = Some((first, at));
            self.served.requests += 1;
        }
        self.open += 1;
        self.place(Request { at, since, counts }, at);
    }

    /// Hands a request to a machine, if there is one.
    fn place(&mut self, request: Request, now: Nanos) {
        let Some(machine) = self.router.choose() else { return self.homeless.push_back(request) };
        let waiting = &mut self.machines[machine].queue;
        if self.server.queue_limit.is_some_and(|limit| waiting.len() >= limit) {
            self.open -= 1;
            self.served.rejected += u64::from(request.counts);
            return;
        }
        waiting.push_back(Request { at: now, ..request });
        self.router.add(machine, 1);
        self.tend(machine, now);
    }

    fn happen(&mut self, Event { at, machine, life, what, .. }: Event) {
        if life != self.machines[machine].life {
            return;
        }
        match what {
            What::Woken => {
                self.machines[machine].woken -= 1;
                self.rouse(machine, at);
            }
            What::Due => {
                self.machines[machine].timed = false;
                self.rouse(machine, at);
            }
            What::Free(session) => {
                if let Some(flight) = self.machines[machine].sessions[session].flying.pop_front() {
                    self.answer(machine, flight);
                }
                self.look(machine, session, at);
            }
            What::Lost => self.lose(machine, at),
            What::Ready => {
                self.live(machine, at);
                for request in std::mem::take(&mut self.homeless) {
                    self.place(request, at);
                }
            }
        }
    }

    /// A session that slept looks at the queue.
    fn rouse(&mut self, machine: usize, now: Nanos) {
        if let Some(session) = self.machines[machine].asleep.pop() {
            self.look(machine, session, now);
        }
    }

    /// What the queue's policy says now.
    fn decide(&self, machine: usize, now: Nanos) -> Decision {
        let queue = &self.machines[machine].queue;
        self.policy.decide(now, queue.len(), queue.front().map_or(now, |first| first.at), false)
    }

    /// A session that is awake takes what batches it can, and waits for the oldest of them, or at
    /// the queue.
    fn look(&mut self, machine: usize, session: usize, now: Nanos) {
        loop {
            let flying = self.machines[machine].sessions[session].flying.len();
            let closes = match self.decide(machine, now) {
                Decision::Close(n) if flying < self.server.times.in_flight() => Some(n),
                _ => None,
            };
            if let Some(images) = closes {
                self.fly(machine, session, images, now);
                continue;
            }
            let state = &mut self.machines[machine];
            match state.sessions[session].flying.front() {
                None => state.asleep.push(session),
                Some(Flight { requests, done }) => {
                    let between = self.server.times.between(requests.len()) * state.pace;
                    let at = *done + nanos(between);
                    self.foresee(at.max(now), machine, What::Free(session));
                }
            }
            return self.tend(machine, now);
        }
    }

    /// Sees to it that sessions at the queue are woken in time.
    fn tend(&mut self, machine: usize, now: Nanos) {
        let Machine { asleep, woken, timed, .. } = &self.machines[machine];
        let (spare, timed) = (asleep.len() > *woken, *timed);
        if !spare {
            return;
        }
        match self.decide(machine, now) {
            Decision::Close(_) => {
                let late = self.server.times.wakes().thread(self.chance.uniform());
                self.machines[machine].woken += 1;
                self.foresee(now + nanos(late), machine, What::Woken);
            }
            // The oldest request's delay is never over after a younger one's: one timer will do.
            Decision::WaitUntil(due) if !timed => {
                let late = self.server.times.wakes().timer(self.chance.uniform());
                self.machines[machine].timed = true;
                self.foresee(due + nanos(late), machine, What::Due);
            }
            Decision::WaitUntil(_) | Decision::Wait => {}
        }
    }

    /// Starts a batch of the oldest requests.
    fn fly(&mut self, machine: usize, session: usize, images: usize, now: Nanos) {
        let times = &self.server.times;
        let Machine { queue, sessions, pace, .. } = &mut self.machines[machine];
        let mut requests = self.spare.pop().unwrap_or_default();
        requests.extend(queue.drain(..images));
        let takes = nanos(times.at(images, self.chance.uniform()) * *pace);
        let session = &mut sessions[session];
        let starts = session.taken.max(now + nanos(times.lead(images) * *pace));
        let done = starts + takes;
        session.taken = done;
        session.flying.push_back(Flight { requests, done });
        if self.measures() {
            self.served.busy(images, takes);
        }
    }

    /// Books a batch's requests.
    fn answer(&mut self, machine: usize, Flight { mut requests, done }: Flight) {
        self.router.remove(machine, requests.len());
        self.open -= requests.len() as u64;
        if self.measures() {
            self.served.completed += requests.len() as u64;
        }
        for request in requests.drain(..) {
            if request.counts {
                self.served.answered += 1;
                self.served.latency.record(done - request.since);
            }
        }
        self.spare.push(requests);
    }

    /// A machine begins to live: all of its sessions wait at its queue.
    fn live(&mut self, machine: usize, now: Nanos) {
        let state = &mut self.machines[machine];
        state.asleep = (0..state.sessions.len()).rev().collect();
        self.router.up(machine);
        if let Some(life) = self.service.fleet.life(&mut self.losses) {
            self.foresee(now + life, machine, What::Lost);
        }
    }

    /// A machine is lost: what waited and ran there is tried again elsewhere.
    fn lose(&mut self, machine: usize, now: Nanos) {
        let state = &mut self.machines[machine];
        let mut orphans: Vec<Request> = Vec::new();
        for session in &mut state.sessions {
            orphans.extend(session.flying.drain(..).flat_map(|flight| flight.requests));
            session.taken = Nanos(0);
        }
        orphans.extend(state.queue.drain(..));
        (state.woken, state.timed) = (0, false);
        state.asleep.clear();
        state.life += 1;
        self.router.remove(machine, orphans.len());
        self.router.down(machine);
        self.served.lost += 1;
        self.served.retried += orphans.len() as u64;
        let back = self.service.fleet.start_up.draw(&mut self.losses);
        self.foresee(now + back, machine, What::Ready);
        orphans.into_iter().for_each(|request| self.place(request, now));
    }

    /// Whether rates are taken now.
    fn measures(&self) -> bool {
        self.arriving && self.window.is_some()
    }

    /// What it comes to.
    fn close(self) -> Served {
        let sessions = self.machines.len() * self.server.sessions.max(1);
        let seconds = self.window.map_or(0.0, |(first, last)| (last - first).seconds());
        self.served.over(seconds, sessions)
    }
}

impl Machine {
    fn new(sessions: usize, pace: f64) -> Self {
        Self {
            queue: VecDeque::new(),
            sessions: std::iter::repeat_with(Session::default).take(sessions).collect(),
            asleep: Vec::new(),
            woken: 0,
            timed: false,
            pace,
            life: 0,
        }
    }
}
