//! An instance at work on its share of a job.
//!
//! ```text
//!          keys -> read, split, input_fn -> images -> sessions -> predictions -> output_fn, write
//! threads: 1       as the input wants       queue     one a core  channel        as the output wants
//! ```
//!
//! Between each two stands a bounded queue, so a slow stage holds the faster ones back and memory
//! stays flat, also within one object: it has a bounded number of images under way, and an output
//! that grows large goes to the store in pieces. An object under way is an [`open::Open`], which
//! each of its images holds on to; its [`assembly::Assembly`] puts predictions, which come in any
//! order, back into that of its records, and gives it exactly one outcome.
//!
//! That is with batches that [`coalesce`], which carry images of many requests and objects. Without,
//! the way is the [`faithful`] one: a few threads each with a session of its own, which take an
//! object at a time and run request by request. Splitting, assembling and writing are the same.

mod assembly;
mod coalesce;
mod faithful;
mod guard;
mod key;
mod open;
mod outcomes;
mod output;
mod read;
mod respond;
mod run;
mod serve;
mod session;
mod supply;
#[cfg(test)]
mod tests;

pub(super) use self::key::output_key;
pub use self::serve::serve;

use std::sync::{Arc, Mutex, PoisonError};

use self::guard::Breaker;
use self::open::Open;
use self::supply::Supply;
use super::handler::Handler;
use super::job::InstanceReport;
use super::message::Up;
use super::plan::Plan;
use super::processing::Processing;
use super::split::Rules;
use crate::backend::Backend;
use crate::clock::Clock;
use crate::error::Result;
use crate::model::Weights;
use crate::store::{Location, Store};

/// What all threads of an instance share.
struct Engine<'a> {
    plan: &'a Plan,
    handler: &'a dyn Handler,
    processing: Option<Processing>,
    rules: Rules,
    base: &'a Location,
    input: Store,
    output: Store,
    backend: Arc<dyn Backend>,
    weights: Weights,
    cores: usize,
    clock: Clock,
    breaker: Breaker,
    supply: Supply,
    totals: Mutex<InstanceReport>,
    /// Tells the parent. A parent that is gone has ended the keys, too.
    tell: &'a (dyn Fn(Up) + Sync),
}

/// What an engine is made of besides its plan.
struct Parts<'a> {
    handler: &'a dyn Handler,
    backend: Arc<dyn Backend>,
    weights: Weights,
    cores: usize,
    tell: &'a (dyn Fn(Up) + Sync),
}

impl<'a> Engine<'a> {
    /// One for the objects below `base`.
    fn new(plan: &'a Plan, base: &'a Location, parts: Parts<'a>) -> Result<Self> {
        let Parts { handler, backend, weights, cores, tell } = parts;
        let rules = Rules {
            split: plan.split,
            strategy: plan.batch_strategy,
            max_payload: plan.max_payload_bytes,
            compression: plan.compression,
        };
        Ok(Self {
            plan,
            handler,
            processing: plan.processing()?,
            rules,
            base,
            input: Store::open(base)?,
            output: Store::attach(&Location::parse(&plan.output)?)?,
            backend,
            weights,
            cores,
            clock: Clock::monotonic(),
            breaker: Breaker::new(),
            supply: Supply::default(),
            totals: Mutex::default(),
            tell,
        })
    }

    fn output_key(&self, open: &Open) -> String {
        output_key(self.plan.output_keys, self.base, &open.key)
    }

    /// Adds one thread's figures to the instance's.
    fn add(&self, own: InstanceReport) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.images += own.images;
        totals.batches += own.batches;
        totals.requests += own.requests;
        totals.compute_ns += own.compute_ns;
        totals.queued_ns += own.queued_ns;
    }
}
