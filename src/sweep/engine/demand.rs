//! What an instance's share of a cell's scenario asks of it. Pure.

use crate::error::{Error, Result};
use crate::load::{self, Poisson};
use crate::record::Scenario;
use crate::sweep::message::Order;

/// What is to be issued.
#[derive(Clone, Debug)]
pub(super) enum Demand {
    /// Images without a pause.
    Feed,
    /// So many requests at any time, at least 1.
    Outstanding(usize),
    /// A request at each of these times.
    Arrivals(Poisson),
}

impl Demand {
    /// The share of the instance that got this order. Poisson processes of equal rates add up to
    /// one of their sum.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there are fewer requests than instances.
    pub(super) fn of(order: &Order) -> Result<Self> {
        let (index, instances) = order.instance;
        match order.scenario {
            Scenario::Offline => Ok(Self::Feed),
            Scenario::Closed(all) => match load::share(all, instances, index) {
                0 => Err(Error::invalid(
                    format!("scenario `{}`", order.scenario),
                    format!("{instances} instances need at least one request each"),
                )),
                share => Ok(Self::Outstanding(share as usize)),
            },
            Scenario::Server(rate) => {
                let (seed, round) = order.seed;
                let seed = load::seed(seed, round as u64, index as u64);
                Poisson::new(rate as f64 / instances as f64, seed).map(Self::Arrivals)
            }
        }
    }
}
