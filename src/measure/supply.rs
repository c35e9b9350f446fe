//! Whether the sessions were given what they were to be measured with.

use crate::units::{self, Nanos};

/// Sessions may stand idle for this share of the window. A longer wait says more of the feeder than
/// of the backend.
const IDLE: f64 = 0.10;

/// This share of what the schedule had is to be issued, and to be completed.
const SHARE: f64 = 0.98;

/// Requests a round that may be under way at the end of the window beyond those that were at its
/// beginning, in a system that keeps up.
const UNDER_WAY: u64 = 2;

/// One request in a hundred may be issued late by this, whatever the latency...
const LATE: Nanos = Nanos(1_000_000);
/// ...or by this share of the median latency, of which lateness is a part.
const LATE_SHARE: f64 = 0.10;

/// What supplied the sessions with images.
#[derive(Clone, Copy, Debug, Default)]
pub enum Supply {
    /// Nothing that could fall behind: each result brings the next request, or there is no model
    /// to be supplied.
    #[default]
    Itself,
    /// A feeder, which is to keep the queue full.
    Feeder {
        /// Share of the window, 0 to 1, in which a session stood idle for want of images; median
        /// over the rounds.
        idle_share: f64,
    },
    /// A load generator, which is to follow its schedule.
    Schedule {
        /// Rounds measured.
        rounds: u64,
        /// Requests that the schedule had in the windows.
        offered: u64,
        /// Requests issued in the windows.
        issued: u64,
        /// Requests completed in the windows.
        completed: u64,
        /// How late requests were issued: the 99th percentile, where there are enough of them.
        lateness_p99: Option<Nanos>,
        /// The median latency, where there are enough requests.
        latency_p50: Option<Nanos>,
    },
}

/// Why the figures may not be used: a sentence each, with its figure and what to do.
pub(super) fn reasons(supply: &Supply) -> Vec<String> {
    match *supply {
        Supply::Itself => Vec::new(),
        Supply::Feeder { idle_share } if idle_share > IDLE => vec![format!(
            "the feeder fell behind: sessions stood idle for {:.0}% of the window for want of \
             images ({:.0}% is the limit); leave the feeder a core, with fewer threads or instances",
            idle_share * 100.0,
            IDLE * 100.0
        )],
        Supply::Feeder { .. } => Vec::new(),
        Supply::Schedule { rounds, offered, issued, completed, lateness_p99, latency_p50 } => {
            let mut reasons = Vec::new();
            let short = |of: u64| (of + UNDER_WAY * rounds) as f64 <= SHARE * offered as f64;
            let overloaded = short(completed);
            if overloaded {
                reasons.push(format!(
                    "the system was overloaded: it completed {} while {} requests were due ({:.0}% \
                     is the limit), so that latencies grow for as long as the load lasts; offer \
                     fewer requests a second, or more cores",
                    units::count(completed),
                    units::count(offered),
                    SHARE * 100.0
                ));
            }
            let limit =
                latency_p50.map_or(LATE, |p50| LATE.max(Nanos((p50.0 as f64 * LATE_SHARE) as u64)));
            if let Some(late) = lateness_p99.filter(|&late| late > limit) {
                reasons.push(format!(
                    "the load generator fell behind: one request in a hundred was issued {late} \
                     late or more ({limit} is the limit), which is part of its latency; leave the \
                     generator a core, with fewer threads or instances, or offer fewer requests"
                ));
            } else if short(issued) && !overloaded {
                reasons.push(format!(
                    "the load generator fell behind: it issued {} of {} requests in their time \
                     ({:.0}% is the limit); leave it a core, with fewer threads or instances, or \
                     offer fewer requests",
                    units::count(issued),
                    units::count(offered),
                    SHARE * 100.0
                ));
            }
            reasons
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator and a system that keep up with 1,000 requests a round.
    fn sound() -> (u64, u64, u64, Option<Nanos>, Option<Nanos>) {
        (5_000, 5_000, 5_000, Some(Nanos(150_000)), Some(Nanos(2_000_000)))
    }

    fn said(of: (u64, u64, u64, Option<Nanos>, Option<Nanos>)) -> Vec<String> {
        let (offered, issued, completed, lateness_p99, latency_p50) = of;
        let rounds = 5;
        reasons(&Supply::Schedule { rounds, offered, issued, completed, lateness_p99, latency_p50 })
    }

    #[track_caller]
    fn only(reasons: Vec<String>, says: &str) {
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        assert!(reasons[0].contains(says), "{reasons:?}");
    }

    #[test]
    fn who_keeps_up_gives_no_reason() {
        assert_eq!(said(sound()), [""; 0]);
        let unknown = (sound().0, sound().1, sound().2, None, None);
        assert_eq!(said(unknown), [""; 0]);
        assert_eq!(said((0, 0, 0, None, None)), [""; 0], "a schedule without a request");
        assert_eq!(reasons(&Supply::Itself), [""; 0]);
    }

    #[test]
    fn sessions_that_stood_idle_are_the_feeders_fault() {
        assert_eq!(reasons(&Supply::Feeder { idle_share: 0.10 }), [""; 0]);
        let reasons = reasons(&Supply::Feeder { idle_share: 0.25 });
        only(reasons, "the feeder fell behind: sessions stood idle for 25% of the window");
    }

    #[test]
    fn late_requests_are_the_generators_fault() {
        let (offered, issued, completed, _, p50) = sound();
        let late = |us: u64| (offered, issued, completed, Some(Nanos(us * 1_000)), p50);
        assert_eq!(said(late(1_000)), [""; 0]);
        only(said(late(1_001)), "the load generator fell behind: one request in a hundred");
        // A tenth of a long latency is not yet what makes it long.
        let slow = |us: u64| {
            (offered, issued, completed, Some(Nanos(us * 1_000)), Some(Nanos(50_000_000)))
        };
        assert_eq!(said(slow(5_000)), [""; 0]);
        only(said(slow(5_001)), "5.00 ms is the limit");
    }

    #[test]
    fn requests_that_were_not_issued_are_the_generators_fault_while_the_system_keeps_up() {
        let (offered, _, completed, late, p50) = sound();
        assert_eq!(said((offered, 4_891, completed, late, p50)), [""; 0]);
        let reasons = said((offered, 4_800, completed, late, p50));
        only(reasons, "it issued 4,800 of 5,000 requests in their time");
    }

    #[test]
    fn an_overloaded_system_is_not_the_generators_fault() {
        let (offered, _, _, late, _) = sound();
        // The full queue held the generator back.
        let reasons = said((offered, 4_000, 4_000, late, Some(Nanos(400_000_000))));
        only(
            reasons,
            "the system was overloaded: it completed 4,000 while 5,000 requests were due",
        );
    }

    #[test]
    fn what_is_under_way_at_the_end_of_a_short_window_is_no_overload() {
        let few = |completed| (40, 40, completed, None, Some(Nanos(2_000_000)));
        assert_eq!(said(few(38)), [""; 0]);
        only(said(few(29)), "overloaded");
    }
}
