//! The best cell of a grid from a quarter of its cells.
//!
//! A Gaussian process stands for what is known of the logarithm of the throughput at every cell
//! ([`Field`](field::Field)); its covariance is that of the laws that throughput follows: a batch takes `a + c b`,
//! workers scale by the universal scalability law, threads by Amdahl's. Each probe goes to the cell
//! with the best optimistic prediction ([`Search`]).

mod curves;
mod field;
mod posterior;
mod probes;

pub(super) use self::probes::{Search, eligible, most};
