//! Whether a cell was measured on processors that ran at full speed.

use super::host::Pressure;

/// The share of a window for which a quota may hold threads back. A quota strikes in whole periods
/// of a tenth of a second and stretches the batches that it meets manyfold, so that a hundredth of
/// the time already shows in the 99th percentile of the latency.
const QUOTA: f64 = 0.01;

/// The share of a processor's time that may be stolen: as much as the throughput's interval may
/// span either way. Guests of a shared host lose some tenths of a percent at all times.
const STOLEN: f64 = 0.05;

/// Why the figures may not be used, if most rounds were throttled: a sentence for each cause, with
/// its worst figure and what to do. The median rests on the middle of the rounds, and a few
/// throttled ones do not move it.
pub(super) fn reasons(rounds: &[Pressure]) -> Vec<String> {
    let quota = |one: &Pressure| one.quota_share.filter(|&share| share > QUOTA);
    let stolen = |one: &Pressure| one.stolen_share.filter(|&share| share > STOLEN);
    let heat = |one: &Pressure| one.thermal_events.filter(|&events| events > 0);
    let throttled =
        |one: &&Pressure| quota(one).is_some() || stolen(one).is_some() || heat(one).is_some();
    if rounds.iter().filter(throttled).count() * 2 <= rounds.len() {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    if let Some((times, worst)) = shares(rounds, quota) {
        reasons.push(format!(
            "the control group's quota held threads back in {times} of {} rounds, for up to \
             {:.1}% of the time: raise the quota, or measure with fewer instances and threads",
            rounds.len(),
            worst * 100.0
        ));
    }
    if let Some((times, worst)) = shares(rounds, stolen) {
        reasons.push(format!(
            "the hypervisor gave up to {:.1}% of a core's time to others in {times} of {} rounds: \
             measure at a quieter time, or on a machine of one's own",
            worst * 100.0,
            rounds.len()
        ));
    }
    let hot: Vec<u64> = rounds.iter().filter_map(heat).collect();
    if !hot.is_empty() {
        reasons.push(format!(
            "cores were slowed down for their heat in {} of {} rounds ({} times): cool the \
             machine, or hold its clock at a rate that it can keep",
            hot.len(),
            rounds.len(),
            hot.iter().sum::<u64>()
        ));
    }
    reasons
}

/// How many rounds have such a share, and the largest of them.
fn shares(rounds: &[Pressure], share: impl Fn(&Pressure) -> Option<f64>) -> Option<(usize, f64)> {
    let all: Vec<f64> = rounds.iter().filter_map(share).collect();
    all.iter().copied().max_by(f64::total_cmp).map(|worst| (all.len(), worst))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Pressure =
        Pressure { quota_share: Some(0.0), stolen_share: Some(0.001), thermal_events: Some(0) };

    fn quota(share: f64) -> Pressure {
        Pressure { quota_share: Some(share), ..NONE }
    }

    fn stolen(share: f64) -> Pressure {
        Pressure { stolen_share: Some(share), ..NONE }
    }

    #[test]
    fn what_the_system_does_not_tell_is_no_reason() {
        assert_eq!(reasons(&[]), [""; 0]);
        assert_eq!(reasons(&[Pressure::default(); 5]), [""; 0]);
        assert_eq!(reasons(&[NONE; 5]), [""; 0]);
    }

    #[test]
    fn the_limits_themselves_are_let_through() {
        assert_eq!(reasons(&[quota(0.01), stolen(0.05), quota(0.01)]), [""; 0]);
        assert_eq!(reasons(&[quota(0.011), stolen(0.051), quota(0.011)]).len(), 2);
    }

    #[test]
    fn a_minority_of_throttled_rounds_is_forgiven() {
        assert_eq!(reasons(&[quota(0.5), quota(0.5), NONE, NONE, NONE]), [""; 0]);
        assert_eq!(reasons(&[quota(0.5), quota(0.5), NONE, NONE]), [""; 0], "half are not most");
        assert_eq!(
            reasons(&[quota(0.5), NONE, quota(0.123)]),
            [
                "the control group's quota held threads back in 2 of 3 rounds, for up to 50.0% of the \
              time: raise the quota, or measure with fewer instances and threads"
            ]
        );
    }

    #[test]
    fn stolen_time_and_heat_are_reasons_too() {
        assert_eq!(
            reasons(&[stolen(0.07), stolen(0.19), NONE]),
            [
                "the hypervisor gave up to 19.0% of a core's time to others in 2 of 3 rounds: measure \
              at a quieter time, or on a machine of one's own"
            ]
        );
        let hot = Pressure { thermal_events: Some(3), ..NONE };
        assert_eq!(
            reasons(&[hot, hot, NONE]),
            [
                "cores were slowed down for their heat in 2 of 3 rounds (6 times): cool the machine, \
              or hold its clock at a rate that it can keep"
            ]
        );
    }

    #[test]
    fn rounds_throttled_for_different_causes_count_together() {
        let hot = Pressure { thermal_events: Some(1), ..NONE };
        let all = reasons(&[quota(0.02), stolen(0.06), hot, NONE, NONE]);
        assert_eq!(all.len(), 3, "{all:?}");
    }
}
