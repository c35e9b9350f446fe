//! Training the MNIST CNN, data-parallel over replicas.
//!
//! Every global batch is shared out over the replicas; each computes its share's gradient, the
//! gradients are averaged, and one step of stochastic gradient descent moves the weights of all.
//! [`train`] is the whole of it; [`Destination`] is where the result goes.

mod destination;
mod evaluate;
mod replicas;
mod run;
mod sgd;
mod share;

pub use self::destination::Destination;
pub use self::evaluate::{Evaluation, evaluate};
pub use self::run::{Options, Progress, Trained, available, train};
