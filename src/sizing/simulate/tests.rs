//! The simulations held against published formulas, closed forms and laws.

mod jobs;
mod queues;
