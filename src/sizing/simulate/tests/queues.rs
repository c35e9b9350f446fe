//! Services.

use proptest::prelude::*;

use crate::sizing::simulate::spread::Spread;
use crate::sizing::simulate::{BatchTimes, Fleet, Route, Served, Server, Service, StartUp};
use crate::units::Nanos;

/// Nanoseconds of one request's service.
const SERVICE: f64 = 100_000.0;

/// One session that serves one request at a time.
fn single(times: BatchTimes) -> Server {
    Server { sessions: 1, max_batch: 1, max_delay: Nanos(0), queue_limit: None, times }
}

/// Mean time in the system, in units of the service time.
fn mean(served: &Served) -> f64 {
    served.latency.histogram().mean() / SERVICE
}

/// The mean waiting time of M/G/1 is `rho (1 + c^2) / (2 (1 - rho))` service times, with `c` the
/// relative deviation of these (F. Pollaczek, 1930; A. Y. Khinchine, 1932).
fn pollaczek_khinchine(rho: f64, c: f64) -> f64 {
    rho * (1.0 + c * c) / (2.0 * (1.0 - rho))
}

#[test]
fn constant_service_waits_as_the_formula_of_m_d_1_says() {
    for rho in [0.3, 0.5, 0.8] {
        let server = single(BatchTimes::constant(SERVICE, 0.0));
        let served = server.run(rho * 1e9 / SERVICE, 1_000_000, 1).unwrap();
        let (found, formula) = (mean(&served), 1.0 + pollaczek_khinchine(rho, 0.0));
        assert!((found / formula - 1.0).abs() < 0.02, "{rho}: {found} of {formula}");
        assert!((served.utilisation / rho - 1.0).abs() < 0.01, "{}", served.utilisation);
        let rate = served.throughput_per_s * SERVICE / 1e9;
        assert!((rate / rho - 1.0).abs() < 0.01, "{rate}");
    }
}

#[test]
fn exponential_service_waits_as_the_formula_of_m_m_1_says() {
    for rho in [0.3, 0.5, 0.8] {
        let server = single(BatchTimes::drawn(vec![(1, Spread::exponential(SERVICE))]));
        let served = server.run(rho * 1e9 / SERVICE, 1_000_000, 1).unwrap();
        let (found, formula) = (mean(&served), 1.0 + pollaczek_khinchine(rho, 1.0));
        assert!((found / formula - 1.0).abs() < 0.03, "{rho}: {found} of {formula}");
        // The time in the system of M/M/1 is exponential with this mean.
        let p99 = served.quantile(0.99).unwrap().0 as f64 / SERVICE;
        let formula = 100.0f64.ln() / (1.0 - rho);
        assert!((p99 / formula - 1.0).abs() < 0.05, "{rho}: {p99} of {formula}");
    }
}

#[test]
fn two_sessions_of_one_queue_wait_as_erlangs_formula_says() {
    // M/M/2: the probability of waiting is 2 rho^2 / (1 + rho) (A. K. Erlang, 1917), the mean wait
    // that over 2 (1 - rho) service times.
    let times = BatchTimes::drawn(vec![(1, Spread::exponential(SERVICE))]);
    let server = Server { sessions: 2, ..single(times) };
    for rho in [0.5, 0.8] {
        let served = server.run(2.0 * rho * 1e9 / SERVICE, 1_000_000, 1).unwrap();
        let formula = 1.0 + 2.0 * rho * rho / (1.0 + rho) / (2.0 * (1.0 - rho));
        let found = mean(&served);
        assert!((found / formula - 1.0).abs() < 0.03, "{rho}: {found} of {formula}");
    }
}

#[test]
fn a_request_alone_waits_for_its_delay_and_its_batch() {
    let server = Server {
        max_batch: 8,
        max_delay: Nanos(1_000_000),
        ..single(BatchTimes::constant(SERVICE, 0.0))
    };
    let served = server.run(1.0, 200, 1).unwrap();
    let p50 = served.quantile(0.5).unwrap().0 as f64;
    assert!((p50 / 1_100_000.0 - 1.0).abs() < 0.001, "{p50}");
    assert_eq!(served.images_per_batch(), 1.0);
}

#[test]
fn past_its_capacity_a_server_answers_at_its_capacity_in_full_batches() {
    // 8 images take 180 us.
    let server = Server {
        max_batch: 8,
        max_delay: Nanos(1_000_000),
        ..single(BatchTimes::constant(SERVICE, 10_000.0))
    };
    let capacity = 8.0 * 1e9 / 180_000.0;
    assert!((server.capacity_per_s() / capacity - 1.0).abs() < 1e-9);
    let served = server.run(2.0 * capacity, 100_000, 1).unwrap();
    assert!((served.throughput_per_s / capacity - 1.0).abs() < 0.01, "{served:?}");
    assert!(served.utilisation > 0.99 && served.images_per_batch() > 7.9);
}

#[test]
fn the_highest_rate_holds_its_limit_and_a_higher_one_does_not() {
    let server = Server {
        max_batch: 16,
        max_delay: Nanos(1_000_000),
        ..single(BatchTimes::constant(SERVICE, 10_000.0))
    };
    let limit = Nanos(3_000_000);
    let rate = server.highest_rate(0.99, limit, 1).unwrap();
    assert!(rate.low <= rate.value && rate.value <= rate.high && rate.low > 0.95 * rate.high);
    let p99 = |rate: f64| server.run(rate, 200_000, 99).unwrap().quantile(0.99).unwrap();
    assert!(p99(0.98 * rate.value) <= limit, "{}", p99(0.98 * rate.value));
    assert!(p99(1.02 * rate.value) > limit, "{}", p99(1.02 * rate.value));
    assert!(server.highest_rate(0.99, Nanos(100_000), 1).is_none(), "no batch is that fast");
}

#[test]
fn a_high_rate_may_hold_a_limit_that_a_low_one_does_not() {
    // Alone, a request waits 50 ms for company; at 10,000 a second a batch is full after 0.8 ms.
    let server = Server {
        max_batch: 8,
        max_delay: Nanos(50_000_000),
        ..single(BatchTimes::constant(SERVICE, 10_000.0))
    };
    let rate = server.highest_rate(0.99, Nanos(10_000_000), 1).unwrap();
    assert!(rate.value > 10_000.0, "{rate:?}");
}

#[test]
fn least_outstanding_beats_round_robin_where_a_machine_is_slow() {
    let service = |route| Service {
        server: single(BatchTimes::constant(SERVICE, 0.0)),
        machines: 4,
        route,
        fleet: Fleet { stragglers: 0.3, slower: 3.0, ..Fleet::default() },
    };
    let p99 = |route| service(route).run(24_000.0, 100_000, 5).unwrap().quantile(0.99).unwrap();
    assert!(p99(Route::LeastOutstanding) < p99(Route::RoundRobin));
}

#[test]
fn many_machines_hold_many_times_the_rate() {
    let server = Server {
        max_batch: 8,
        max_delay: Nanos(500_000),
        ..single(BatchTimes::constant(SERVICE, 10_000.0))
    };
    let one = server.highest_rate(0.99, Nanos(3_000_000), 1).unwrap().value;
    let four = Service { machines: 4, ..Service::one(server) };
    let four = four.highest_rate(0.99, Nanos(3_000_000), 1).unwrap().value;
    assert!((3.6..4.6).contains(&(four / one)), "{four} of {one}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let server = single(BatchTimes::constant(SERVICE, 0.0));
    assert!(server.run(0.0, 10, 1).is_err());
    assert!(Server { max_batch: 0, ..server }.run(1.0, 10, 1).is_err());
}

fn any_service() -> impl Strategy<Value = Service> {
    let sizes = (1usize..4, 1usize..20, 0u64..3_000_000, prop::option::of(1usize..40));
    let fleet = (0.0f64..0.3, 0.0f64..0.5, 1.0f64..4.0, 0.0f64..40_000.0);
    (sizes, fleet, 1usize..6, any::<bool>()).prop_map(|(sizes, fleet, machines, robin)| {
        let (sessions, max_batch, max_delay, queue_limit) = sizes;
        let (spread, stragglers, slower, failures_per_hour) = fleet;
        Service {
            server: Server {
                sessions,
                max_batch,
                max_delay: Nanos(max_delay),
                queue_limit,
                times: BatchTimes::constant(SERVICE, 10_000.0),
            },
            machines,
            route: if robin { Route::RoundRobin } else { Route::LeastOutstanding },
            fleet: Fleet {
                start_up: StartUp { typical: 0.02, low: 0.01, high: 0.05 },
                spread,
                stragglers,
                slower,
                failures_per_hour,
            },
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is lost, slow or full: every request is answered or rejected, once.
    #[test]
    fn no_request_is_lost_or_answered_twice(
        service in any_service(), rate in 100.0f64..100_000.0, seed in any::<u64>(),
    ) {
        let served = service.run(rate, 3_000, seed).unwrap();
        prop_assert_eq!(served.requests, 3_000);
        prop_assert_eq!(served.answered + served.rejected, 3_000);
        prop_assert_eq!(served.latency.samples(), served.answered);
        prop_assert!(service.server.queue_limit.is_some() || served.rejected == 0);
        prop_assert!(served.batch_sizes.len() <= service.server.max_batch + 1);
        prop_assert!((0.0..=1.0).contains(&served.utilisation));
        if service.fleet.failures_per_hour == 0.0 {
            prop_assert_eq!((served.lost, served.retried), (0, 0));
        }
    }

    #[test]
    fn the_same_seed_serves_the_same(
        service in any_service(), rate in 100.0f64..100_000.0, seed in any::<u64>(),
    ) {
        let again = service.run(rate, 500, seed).unwrap();
        prop_assert_eq!(service.run(rate, 500, seed).unwrap(), again);
    }

    /// A request takes no less than its batch.
    #[test]
    fn no_answer_comes_before_its_batch_is_done(
        service in any_service(), rate in 100.0f64..100_000.0, seed in any::<u64>(),
    ) {
        let still = Service { fleet: Fleet { spread: 0.0, ..service.fleet }, ..service };
        let served = still.run(rate, 500, seed).unwrap();
        let shortest = served.latency.histogram().min() as f64;
        prop_assert!(served.answered == 0 || shortest >= 0.998 * (SERVICE + 10_000.0));
    }
}
