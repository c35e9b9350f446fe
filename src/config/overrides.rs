//! What flags change in a configuration.

use super::Sweep;
use crate::units::Nanos;

/// Values that win over the file's; absent ones change nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// For [`Sweep::backends`].
    pub backends: Option<Vec<String>>,
    /// For [`Sweep::devices`].
    pub devices: Option<Vec<String>>,
    /// For [`Sweep::precisions`].
    pub precisions: Option<Vec<String>>,
    /// For [`Sweep::staging`].
    pub staging: Option<Vec<String>>,
    /// For [`Sweep::scenarios`].
    pub scenarios: Option<Vec<String>>,
    /// For [`Sweep::instances`].
    pub instances: Option<Vec<usize>>,
    /// For [`Sweep::batch_sizes`].
    pub batch_sizes: Option<Vec<usize>>,
    /// For [`Sweep::sessions`].
    pub sessions: Option<Vec<usize>>,
    /// For [`Sweep::threads`].
    pub threads: Option<Vec<usize>>,
    /// For [`Sweep::rounds`].
    pub rounds: Option<usize>,
    /// For [`Sweep::max_rounds`].
    pub max_rounds: Option<usize>,
    /// For [`Sweep::budget`].
    pub budget: Option<Nanos>,
    /// For [`Sweep::search`].
    pub search: Option<bool>,
    /// For [`Sweep::max_delay`].
    pub max_delay: Option<Nanos>,
    /// For [`Sweep::seed`].
    pub seed: Option<u64>,
}

impl Overrides {
    /// The configuration with these values in it.
    #[must_use]
    pub fn apply(self, mut config: Sweep) -> Sweep {
        fn put<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        put(&mut config.backends, self.backends);
        put(&mut config.devices, self.devices);
        put(&mut config.precisions, self.precisions);
        put(&mut config.staging, self.staging);
        put(&mut config.scenarios, self.scenarios);
        put(&mut config.instances, self.instances);
        put(&mut config.batch_sizes, self.batch_sizes);
        put(&mut config.sessions, self.sessions);
        put(&mut config.threads, self.threads);
        put(&mut config.rounds, self.rounds);
        put(&mut config.max_rounds, self.max_rounds);
        put(&mut config.budget, self.budget);
        put(&mut config.search, self.search);
        put(&mut config.max_delay, self.max_delay);
        put(&mut config.seed, self.seed);
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = Sweep::parse("rounds = 7\nseed = 7\n", "a.toml").unwrap();
        let flags = Overrides { rounds: Some(9), instances: Some(vec![4]), ..Overrides::default() };
        let config = flags.apply(file);
        assert_eq!((config.rounds, config.seed, config.queue), (9, 7, Sweep::default().queue));
        assert_eq!(config.instances, [4]);
    }

    #[test]
    fn no_flags_change_nothing() {
        assert_eq!(Overrides::default().apply(Sweep::default()), Sweep::default());
    }
}
