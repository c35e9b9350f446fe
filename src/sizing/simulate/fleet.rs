//! What sets machines of one type apart: start-up, pace, and loss.

use super::chance::Chance;
use crate::record::CellRecord;
use crate::units::Nanos;

/// Seconds that a machine takes to be ready, drawn for each: the triangular distribution with its
/// peak at the typical time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StartUp {
    /// The most likely, in seconds.
    pub typical: f64,
    /// The shortest.
    pub low: f64,
    /// The longest.
    pub high: f64,
}

impl StartUp {
    /// A time that is the same for all.
    pub fn always(seconds: f64) -> Self {
        Self { typical: seconds, low: seconds, high: seconds }
    }

    /// One machine's, by inversion.
    pub(super) fn draw(&self, chance: &mut Chance) -> Nanos {
        let uniform = chance.uniform();
        let Self { typical, low, high } = *self;
        let width = high - low;
        let seconds = if width <= 0.0 {
            typical
        } else if uniform * width < typical - low {
            low + (uniform * width * (typical - low)).sqrt()
        } else {
            high - ((1.0 - uniform) * width * (high - typical)).sqrt()
        };
        nanos(seconds * 1e9)
    }
}

/// How machines of one type differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fleet {
    /// Start-up of each.
    pub start_up: StartUp,
    /// Relative standard deviation of the machines' pace.
    pub spread: f64,
    /// Share of the machines that are slower than that, 0 to 1.
    pub stragglers: f64,
    /// By this factor.
    pub slower: f64,
    /// Losses of a machine an hour. A lost one takes its work with it, unanswered.
    pub failures_per_hour: f64,
}

impl Default for Fleet {
    /// Machines that are alike, there at once, and never lost.
    fn default() -> Self {
        Self {
            start_up: StartUp::default(),
            spread: 0.0,
            stragglers: 0.0,
            slower: 1.0,
            failures_per_hour: 0.0,
        }
    }
}

impl Fleet {
    /// By how much longer than measured one machine takes for everything.
    pub(super) fn pace(&self, chance: &mut Chance) -> f64 {
        // Always drawn, so that more stragglers slow the same machines and others.
        let (straggles, factor) = (chance.uniform(), chance.factor(self.spread));
        if straggles < self.stragglers { factor * self.slower } else { factor }
    }

    /// How long a machine lives from when it is ready; for ever where none is lost.
    pub(super) fn life(&self, chance: &mut Chance) -> Option<Nanos> {
        let hours = (self.failures_per_hour > 0.0)
            .then(|| chance.exponential(1.0 / self.failures_per_hour));
        hours.map(|hours| nanos(hours * 3_600e9))
    }
}

/// By how much a cell's rate differed from round to round: its relative standard deviation, taken
/// for that of like machines. 0 where there is one round or none.
pub fn pace_spread(record: Option<&CellRecord>) -> f64 {
    let rounds = record.map_or(&[][..], |record| &record.rounds);
    let rates = || rounds.iter().map(|round| round.throughput_images_per_s);
    let n = rounds.len() as f64;
    let mean = rates().sum::<f64>() / n;
    let squares: f64 = rates().map(|rate| (rate - mean).powi(2)).sum();
    let deviation = (squares / (n - 1.0)).sqrt() / mean;
    if deviation.is_finite() { deviation } else { 0.0 }
}

/// Whole nanoseconds; a time past 584 years is cut to that.
pub(super) fn nanos(nanos: f64) -> Nanos {
    Nanos(nanos.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_up_lies_within_its_ends_and_has_the_triangles_mean() {
        let start = StartUp { typical: 200.0, low: 120.0, high: 400.0 };
        let mut chance = Chance::new(1, 0);
        let draws: Vec<f64> = (0..20_000).map(|_| start.draw(&mut chance).seconds()).collect();
        assert!(draws.iter().all(|draw| (120.0..=400.0).contains(draw)));
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        assert!((mean / 240.0 - 1.0).abs() < 0.01, "{mean}");
        assert_eq!(StartUp::always(218.0).draw(&mut chance), Nanos(218_000_000_000));
    }

    #[test]
    fn stragglers_are_as_many_and_as_slow_as_said() {
        let fleet = Fleet { stragglers: 0.1, slower: 2.0, ..Fleet::default() };
        let mut chance = Chance::new(2, 0);
        let paces: Vec<f64> = (0..10_000).map(|_| fleet.pace(&mut chance)).collect();
        let slow = paces.iter().filter(|&&pace| pace == 2.0).count();
        assert!((900..1_100).contains(&slow), "{slow}");
        assert!(paces.iter().all(|&pace| pace == 1.0 || pace == 2.0));
    }

    #[test]
    fn machines_live_as_long_as_their_losses_say() {
        let mut chance = Chance::new(3, 0);
        assert_eq!(Fleet::default().life(&mut chance), None);
        let fleet = Fleet { failures_per_hour: 0.5, ..Fleet::default() };
        let lives = (0..10_000).filter_map(|_| fleet.life(&mut chance));
        let mean = lives.map(Nanos::seconds).sum::<f64>() / 10_000.0;
        assert!((mean / 7_200.0 - 1.0).abs() < 0.05, "{mean}");
    }
}
