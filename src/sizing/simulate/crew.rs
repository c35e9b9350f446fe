//! The machines of a job at work.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::chance::Chance;
use super::fleet::nanos;
use super::{Finished, Job};
use crate::error::{Error, Result};
use crate::load;
use crate::units::Nanos;

/// Losses for each machine after which a job is given up: it would hardly ever end.
const PATIENCE: u64 = 1_000;

/// How much of what waits a session takes at once while there is much: all sessions together a
/// half, so that none is left with more than its share at the end (C. D. Polychronopoulos and D. J.
/// Kuck, "Guided self-scheduling", 1987).
const PART: u64 = 2;

/// Batches that a session runs one after the other.
#[derive(Clone, Copy, Debug)]
struct Stint {
    batches: u64,
    /// Images of them all.
    images: u64,
    from: Nanos,
    until: Nanos,
}

/// A machine.
#[derive(Debug)]
struct Machine {
    ready: Nanos,
    /// By how much longer than measured it takes for everything.
    pace: f64,
    /// Whether it takes work: from when it is ready until it is lost.
    up: bool,
    lost: bool,
    /// Batches that are its own and wait.
    left: u64,
    /// Whether the last of them is the job's last, which may have fewer images.
    has_last: bool,
    stints: Vec<Option<Stint>>,
    ended: Nanos,
    /// Counts its losses: what was to happen in an earlier life does not.
    life: u32,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Ready,
    /// This session's stint is over.
    Done(usize),
    Lost,
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

/// The machines of a job at work.
pub(super) struct Crew<'a> {
    job: &'a Job,
    /// Batches whose sum is drawn at once, at least.
    at_once: u64,
    /// Mean and variance of a full batch's turn, in nanoseconds.
    turn: (f64, f64),
    /// All batches, and the images of the last.
    batches: u64,
    last: usize,
    machines: Vec<Machine>,
    events: BinaryHeap<Reverse<Event>>,
    order: u64,
    chance: Chance,
    losses: Chance,
    done: u64,
    busy: f64,
    finished: Finished,
}

impl<'a> Crew<'a> {
    /// The crew of a job with images, machines, sessions and a batch.
    pub(super) fn new(job: &'a Job, at_once: u64, seed: u64) -> Self {
        let batches = job.batches();
        let last = job.images - (batches - 1) * job.batch as u64;
        let (mut paces, mut starts) = (Chance::new(seed, 1), Chance::new(seed, 2));
        let machines = (0..job.machines)
            .map(|index| {
                let left = load::share(batches, job.machines, index);
                Machine {
                    ready: job.fleet.start_up.draw(&mut starts),
                    pace: job.fleet.pace(&mut paces),
                    up: false,
                    lost: false,
                    left,
                    has_last: false,
                    stints: vec![None; job.sessions],
                    ended: Nanos(0),
                    life: 0,
                }
            })
            .collect();
        let mut crew = Self {
            job,
            at_once,
            turn: job.times.moments(job.batch),
            batches,
            last: last as usize,
            machines,
            events: BinaryHeap::new(),
            order: 0,
            chance: Chance::new(seed, 3),
            losses: Chance::new(seed, 4),
            done: 0,
            busy: 0.0,
            finished: Finished::default(),
        };
        if let Some(owner) = crew.machines.iter_mut().rfind(|machine| machine.left > 0) {
            owner.has_last = true;
        }
        for machine in 0..crew.machines.len() {
            crew.start(machine, crew.machines[machine].ready);
        }
        crew
    }

    /// Works until all is done, calling `told` now and then with the batches that are.
    pub(super) fn work(mut self, told: &mut dyn FnMut(u64)) -> Result<Finished> {
        let mut events = 0u64;
        while self.done < self.batches {
            let Some(Reverse(event)) = self.events.pop() else {
                return Err(Error::Bug("a simulated job stands still".into()));
            };
            self.happen(event)?;
            events += 1;
            if events.is_multiple_of(4_096) {
                told(self.done);
            }
        }
        told(self.done);
        Ok(self.close())
    }

    fn foresee(&mut self, at: Nanos, machine: usize, what: What) {
        let life = self.machines[machine].life;
        self.order += 1;
        self.events.push(Reverse(Event { at, order: self.order, machine, life, what }));
    }

    /// A machine will be ready then, and be lost at some time after.
    fn start(&mut self, machine: usize, ready: Nanos) {
        self.machines[machine].ready = ready;
        self.foresee(ready, machine, What::Ready);
        if let Some(life) = self.job.fleet.life(&mut self.losses) {
            self.foresee(ready + life, machine, What::Lost);
        }
    }

    fn happen(&mut self, Event { at, machine, life, what, .. }: Event) -> Result<()> {
        if life != self.machines[machine].life {
            return Ok(());
        }
        match what {
            What::Ready => {
                self.machines[machine].up = true;
                self.tend(machine, at);
            }
            What::Done(session) => {
                if let Some(stint) = self.machines[machine].stints[session].take() {
                    self.book(machine, stint, stint.batches, stint.images, at);
                }
                self.tend(machine, at);
            }
            What::Lost => self.lose(machine, at)?,
        }
        Ok(())
    }

    /// Gives work to the machine's sessions that have none.
    fn tend(&mut self, machine: usize, now: Nanos) {
        if !self.machines[machine].up {
            return;
        }
        for session in 0..self.job.sessions {
            if self.machines[machine].left == 0 {
                return;
            }
            if self.machines[machine].stints[session].is_none() {
                self.begin(machine, session, now);
            }
        }
    }

    /// A session begins its next batch, or a sum of many.
    fn begin(&mut self, machine: usize, session: usize, now: Nanos) {
        let Job { times, batch, sessions, .. } = self.job;
        let Machine { left, has_last, pace, stints, .. } = &mut self.machines[machine];
        let part = *left / (PART * *sessions as u64);
        let (batches, images, time) = if part >= self.at_once {
            let (mean, variance) = self.turn;
            let sum = part as f64 * mean;
            let deviation = (part as f64 * variance).sqrt() / sum;
            (part, part * *batch as u64, sum * self.chance.factor(deviation))
        } else {
            let images = if *has_last && *left == 1 { self.last } else { *batch };
            let time = times.at(images, self.chance.uniform()) + times.between(images);
            (1, images as u64, time)
        };
        *left -= batches;
        *has_last &= *left > 0;
        let until = now + nanos(time * *pace);
        stints[session] = Some(Stint { batches, images, from: now, until });
        self.foresee(until, machine, What::Done(session));
    }

    /// Books what was done of a stint by `now`.
    fn book(&mut self, machine: usize, stint: Stint, batches: u64, images: u64, now: Nanos) {
        self.done += batches;
        self.finished.images += images;
        self.machines[machine].ended = now;
        self.busy += (now - stint.from).seconds();
    }

    /// A machine is lost: what it has not done goes to the others.
    fn lose(&mut self, machine: usize, now: Nanos) -> Result<()> {
        self.finished.lost += 1;
        if self.finished.lost > PATIENCE * self.machines.len() as u64 {
            return Err(Error::invalid(
                format!("{} losses an hour", self.job.fleet.failures_per_hour),
                "machines are lost sooner than they end a batch, so that the job does not end",
            ));
        }
        let state = &mut self.machines[machine];
        (state.up, state.lost) = (false, true);
        state.life += 1;
        let mut orphans = std::mem::take(&mut state.left);
        let mut has_last = std::mem::take(&mut state.has_last);
        let stints: Vec<Stint> = state.stints.iter_mut().filter_map(Option::take).collect();
        for stint in stints {
            // A single batch that is not done has to be done again; of many, those that are.
            let share = (now - stint.from).seconds() / (stint.until - stint.from).seconds();
            let done = if stint.batches == 1 { 0 } else { (stint.batches as f64 * share) as u64 };
            orphans += stint.batches - done;
            has_last |= stint.batches == 1 && stint.images < self.job.batch as u64;
            if done > 0 {
                self.book(machine, stint, done, done * self.job.batch as u64, now);
            }
        }
        self.finished.taken_over += orphans;
        let others: Vec<usize> =
            (0..self.machines.len()).filter(|&other| !self.machines[other].lost).collect();
        if others.is_empty() {
            let state = &mut self.machines[machine];
            (state.left, state.has_last, state.lost) = (orphans, has_last, false);
            let back = self.job.fleet.start_up.draw(&mut self.losses);
            self.start(machine, now + back);
            return Ok(());
        }
        for (index, &other) in others.iter().enumerate() {
            let share = load::share(orphans, others.len(), index);
            let state = &mut self.machines[other];
            state.left += share;
            if share > 0 && std::mem::take(&mut has_last) {
                state.has_last = true;
            }
            self.tend(other, now);
        }
        Ok(())
    }

    /// What it comes to.
    fn close(mut self) -> Finished {
        let mut ends: Vec<Nanos> = self.machines.iter().map(|machine| machine.ended).collect();
        ends.sort_unstable();
        let readies = || self.machines.iter().map(|machine| machine.ready);
        // What batches take besides while the next one may run comes once, at the end; what a
        // session does after its last batch keeps no one waiting.
        let between = nanos(self.job.times.between(self.last));
        let lead = nanos(self.job.times.lead(self.last));
        let end = |at: Nanos| (at - between + lead).seconds();
        let sessions = (self.machines.len() * self.job.sessions) as f64;
        let seconds = ends.last().map_or(0.0, |&at| end(at));
        self.finished.seconds = seconds;
        self.finished.half_done_s = ends.get(ends.len() / 2).map_or(0.0, |&at| end(at));
        self.finished.first_ready_s = readies().min().unwrap_or_default().seconds();
        self.finished.last_ready_s = readies().max().unwrap_or_default().seconds();
        self.finished.batches = self.done;
        self.finished.busy_share =
            if seconds > 0.0 { (self.busy / (seconds * sessions)).min(1.0) } else { 0.0 };
        self.finished
    }
}
