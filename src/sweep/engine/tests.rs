//! Scripted devices that take their time, stall and fail: what is measured of them is known.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::*;
use crate::backend::Null;
use crate::data::IMAGE_PIXELS;
use crate::record::Scenario;

const MS: u64 = 1_000_000;

/// A window of 200 ms after a warm-up of some 60.
fn order(scenario: Scenario, batch: usize, sessions: usize) -> Order {
    Order {
        model: None,
        images: "/nowhere".into(),
        check: 0,
        backend: "null".into(),
        precision: "f32".into(),
        batch,
        threads: 1,
        sessions,
        staging: "pageable".into(),
        scenario,
        instance: (0, 1),
        seed: (1, 0),
        queue: 4,
        max_delay: MS,
        warmup: (0, 100 * MS, 20 * MS),
        window: 200 * MS,
    }
}

/// Measures, with a window that opens as soon as the engine is warm.
fn measure(order: &Order, null: &Null) -> Result<Measured> {
    measure_telling(order, null, &AtomicBool::new(false))
}

/// The same, setting a flag when the engine is warm.
fn measure_telling(order: &Order, null: &Null, is_warm: &AtomicBool) -> Result<Measured> {
    let (signs, clock) = (Signs::default(), Clock::monotonic());
    let images = vec![Image([3; IMAGE_PIXELS]); 10];
    let warm = || {
        signs.open(clock.now() + Nanos(MS));
        is_warm.store(true, Ordering::Release);
        Ok(())
    };
    Engine {
        order,
        backend: null,
        weights: &Weights::zeros(),
        images: &images,
        clock: &clock,
        signs: &signs,
        warm: &warm,
    }
    .measure()
}

/// A device that takes this long for every batch.
fn takes(ms: u64) -> Null {
    Null::scripted(Arc::new(move |_, _| Ok(Duration::from_millis(ms))))
}

/// A device that takes no time, and the sizes of the batches that it was given, by session.
fn noting() -> (Null, Arc<Mutex<Vec<usize>>>) {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&sizes);
    let null = Null::scripted(Arc::new(move |_, images| {
        note.lock().unwrap().push(images);
        Ok(Duration::from_micros(200))
    }));
    (null, sizes)
}

fn rate(measured: &Measured) -> f64 {
    measured.images as f64 / measured.seconds
}

#[test]
fn the_throughput_of_sessions_adds_up() {
    // Each can complete 4 images in 5 ms and no more; machines that lag complete less.
    let one = measure(&order(Scenario::Offline, 4, 1), &takes(5)).unwrap();
    let three = measure(&order(Scenario::Offline, 4, 3), &takes(5)).unwrap();
    assert!(rate(&one) <= 800.0 && rate(&three) <= 2_400.0);
    assert!(rate(&three) > 1.5 * rate(&one), "{} and {}", rate(&one), rate(&three));
    assert_eq!(three.images, 4 * three.latency.samples(), "a latency for each batch");
    assert!(three.latency.percentiles().p50_ns.unwrap() >= 5 * MS);
    assert!(three.seconds >= 0.2 && three.warmup_s >= 0.06);
}

#[test]
fn a_feeder_leaves_a_slow_session_no_idle_time() {
    let measured = measure(&order(Scenario::Offline, 4, 1), &takes(5)).unwrap();
    assert!(measured.idle_share < 0.1, "{}", measured.idle_share);
    assert_eq!(measured.traffic, Traffic::default());
}

#[test]
fn a_closed_loop_counts_each_request_from_its_submission() {
    // Three requests take turns with a device that takes 5 ms for each.
    let measured = measure(&order(Scenario::Closed(3), 1, 1), &takes(5)).unwrap();
    assert_eq!(measured.latency.samples(), measured.images);
    assert_eq!(measured.seconds, 0.2);
    assert!(measured.images > 7 && measured.images <= 40, "{}", measured.images);
    let p50 = measured.latency.percentiles().p50_ns.unwrap();
    assert!(p50 >= 15 * MS * 999 / 1000, "{p50}: each waits for the two before it");
    assert_eq!((measured.traffic.offered, measured.traffic.issued), (0, measured.images));
}

#[test]
fn a_closed_loop_keeps_as_many_outstanding_as_it_is_told_and_shares_them_out() {
    let (null, sizes) = noting();
    let order = Order { instance: (1, 2), ..order(Scenario::Closed(5), 8, 1) };
    measure(&order, &null).unwrap();
    let sizes = sizes.lock().unwrap();
    assert_eq!(sizes[8..].iter().max(), Some(&2), "of five, the second of two instances has two");

    let order = Order { scenario: Scenario::Closed(1), ..order };
    let error = measure(&order, &null).unwrap_err().to_string();
    assert!(error.contains("2 instances need at least one request each"), "{error}");
}

#[test]
fn a_server_meets_its_rate_and_counts_from_the_schedule() {
    let measured = measure(&order(Scenario::Server(1_000), 4, 2), &takes(1)).unwrap();
    // 200 are expected in the window, with a deviation of 14.
    let offered = measured.traffic.offered;
    assert!((120..280).contains(&offered), "{offered}");
    assert_eq!(measured.latency.samples(), offered, "each request counts");
    assert_eq!(measured.traffic.lateness.samples(), offered);
    assert!(measured.latency.percentiles().p50_ns.unwrap() >= MS, "the device takes 1 ms");
    assert_eq!(measured.seconds, 0.2);
}

#[test]
fn a_device_that_stalls_cannot_hide_the_requests_that_waited_for_it() {
    // In the window it stalls once, for 150 of 200 ms. One batch of at most 8 sees that; but each
    // request that was due meanwhile has waited, and those are most.
    let (is_warm, calls) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    let warm = Arc::clone(&is_warm);
    let null = Null::scripted(Arc::new(move |_, _| {
        let stall = warm.load(Ordering::Acquire) && calls.fetch_add(1, Ordering::Relaxed) == 10;
        Ok(Duration::from_millis(if stall { 150 } else { 0 }))
    }));
    let order = order(Scenario::Server(1_000), 8, 1);
    let measured = measure_telling(&order, &null, &is_warm).unwrap();
    let percentiles = measured.latency.percentiles();
    assert_eq!(percentiles.samples, measured.traffic.offered);
    assert!(percentiles.p90_ns.unwrap() > 80 * MS, "{percentiles:?}");
    assert!(percentiles.p50_ns.unwrap() > 10 * MS, "{percentiles:?}");
}

#[test]
fn an_overload_shows_as_latency_and_not_as_a_late_generator() {
    // A tenth of what is offered can be completed.
    let measured = measure(&order(Scenario::Server(1_000), 1, 1), &takes(10)).unwrap();
    let Traffic { offered, issued, ref lateness } = measured.traffic;
    assert!(measured.images <= 20 && measured.images * 4 < offered, "{}", measured.images);
    assert!(issued < offered / 2, "the full queue held the generator back: {issued}");
    assert_eq!(measured.latency.samples(), offered, "those that were given up count as well");
    let latency = measured.latency.percentiles().p50_ns.unwrap();
    let late = lateness.percentiles().p50_ns.unwrap_or(0);
    assert!(latency > 100 * MS && late < latency / 4, "{latency} {late}");
}

#[test]
fn no_batch_shape_is_measured_that_was_not_warmed() {
    // Rule 1 of the measurement.
    let (null, sizes) = noting();
    // So few a second that some batch is closed for its age, however busy the machine is.
    measure(&order(Scenario::Server(500), 8, 1), &null).unwrap();
    let sizes = sizes.lock().unwrap();
    assert_eq!(sizes[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(sizes[8..].iter().all(|size| (1..=8).contains(size)));
    assert!(sizes[8..].iter().any(|&size| size < 8), "ragged batches were run");

    let (null, sizes) = noting();
    measure(&order(Scenario::Offline, 8, 1), &null).unwrap();
    assert!(sizes.lock().unwrap().iter().all(|&size| size == 8));
}

#[test]
fn a_session_that_fails_ends_the_measurement_with_its_reason() {
    for scenario in [Scenario::Offline, Scenario::Closed(4), Scenario::Server(1_000)] {
        let failing = Null::scripted(Arc::new(|batch, _| match batch {
            0..40 => Ok(Duration::ZERO),
            _ => Err("as told".into()),
        }));
        let error = measure(&order(scenario, 4, 2), &failing).unwrap_err();
        assert_eq!(error.to_string(), "backend null: as told", "{scenario}");
    }
}

#[test]
fn a_session_that_panics_ends_the_measurement_too() {
    let calls = AtomicU64::new(0);
    let null = Null::scripted(Arc::new(move |_, _| {
        assert!(calls.fetch_add(1, Ordering::Relaxed) != 50, "as told");
        Ok(Duration::ZERO)
    }));
    let error = measure(&order(Scenario::Offline, 4, 2), &null).unwrap_err();
    assert!(error.to_string().contains("a session panicked"), "{error}");
}

#[test]
fn memory_that_the_backend_does_not_have_is_refused() {
    let order = Order { staging: "pinned".into(), ..order(Scenario::Offline, 4, 1) };
    let error = measure(&order, &Null::default()).unwrap_err().to_string();
    assert!(error.contains("the null backend has pageable memory alone"), "{error}");
}

#[test]
fn a_measurement_that_no_one_wants_any_longer_ends() {
    // One request in a thousand seconds: no batch ever ends.
    let order = Order { instance: (0, 1_000), ..order(Scenario::Server(1), 4, 2) };
    let (signs, clock) = (Signs::default(), Clock::monotonic());
    let images = vec![Image([3; IMAGE_PIXELS]); 10];
    let engine = Engine {
        order: &order,
        backend: &Null::default(),
        weights: &Weights::zeros(),
        images: &images,
        clock: &clock,
        signs: &signs,
        warm: &|| Ok(()),
    };
    thread::scope(|scope| {
        let measuring = scope.spawn(|| engine.measure());
        thread::sleep(Duration::from_millis(50));
        assert!(!measuring.is_finished());
        signs.finish();
        assert_eq!(measuring.join().unwrap().unwrap().images, 0);
    });
}

#[test]
fn the_opening_of_sessions_is_no_warm_up() {
    // The first batch is the shape's, before the warm-up; it takes longer than the longest one.
    let slow = Null::scripted(Arc::new(|batch, _| {
        Ok(Duration::from_millis(if batch == 0 { 150 } else { 1 }))
    }));
    let order = order(Scenario::Offline, 4, 1);
    let measured = measure(&order, &slow).unwrap();
    assert!(measured.warmup_s >= 0.06, "three windows of 20 ms: {}", measured.warmup_s);
}
