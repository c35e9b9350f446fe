//! What a job takes and costs on so many machines of a type: its phases, its bill.

use super::estimate::{each, sum};
use super::pace::Pace;
use super::startup::Startup;
use crate::config::catalogue::{MachineType, Pricing};
use crate::record::{Choice, Estimate, Phases, Price};

/// A machine type, ready to be reckoned with in one way of loading it.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// Its name.
    pub(super) machine_type: String,
    /// How fast one is.
    pub(super) pace: Pace,
    /// What it takes before the first image.
    pub(super) startup: Startup,
    /// What it costs; nothing known of one that no catalogue has.
    pub(super) price: Price,
    /// Power that one draws, in watts, where that is known.
    pub(super) watts: Option<f64>,
}

/// The price of a machine type.
pub(super) fn price(machine: &MachineType) -> Price {
    let usd_per_hour = machine.usd_per_hour();
    match &machine.price {
        Pricing::Hourly { region, date, source, .. } => Price {
            usd_per_hour,
            region: region.clone(),
            date: date.clone(),
            source: source.clone(),
        },
        Pricing::Owned { date, .. } => Price {
            usd_per_hour,
            region: String::new(),
            date: date.clone(),
            source: "purchase and power".into(),
        },
    }
}

/// The slowest of so many machines takes this share longer than the typical one: the expected
/// largest of `k` normal deviations is about `sqrt(2 ln k)` of their standard deviation (H. Cramer,
/// "Mathematical Methods of Statistics", 28.6, 1946).
pub(super) fn slowest(spread: f64, machines: u64) -> f64 {
    spread * (2.0 * (machines.max(1) as f64).ln()).sqrt()
}

impl Offer {
    /// A job of so many images on so many machines. Each does an equal share, and is billed from
    /// the moment it is there until the whole job ends; ends of intervals are those of the parts.
    pub(super) fn job(&self, images: u64, machines: u64) -> Choice {
        let Startup { provision_s, start_s, load_s } = self.startup;
        let share = images.div_ceil(machines.max(1));
        let run = self.pace.run(share);
        let slowest = slowest(self.pace.spread, machines);
        let tail_s = each(run.run_s, |seconds| run.last_s + slowest * seconds);
        let billed_s = sum([start_s, load_s, run.run_s, tail_s]);
        let total_s = sum([provision_s, billed_s]);
        let count = machines as f64;
        let cost_usd =
            each(billed_s, |seconds| count * seconds / 3_600.0 * self.price.usd_per_hour);
        let usd_per_million = each(cost_usd, |usd| usd * 1e6 / images as f64);
        let joules = self.watts.map(|watts| watts * count * billed_s.value / images as f64);
        Choice {
            phases: Some(Phases { provision_s, start_s, load_s, run_s: run.run_s, tail_s }),
            total_s: Some(total_s),
            billed_s: Some(billed_s),
            useful_share: run.run_s.value / billed_s.value,
            joules_per_image: joules,
            ..self.choice(machines, run.rate, cost_usd, usd_per_million)
        }
    }

    /// What all choices of this offer have.
    pub(super) fn choice(
        &self,
        machines: u64,
        images_per_s: Estimate,
        cost_usd: Estimate,
        usd_per_million: Estimate,
    ) -> Choice {
        let way = self.pace.way.clone();
        Choice {
            machine_type: self.machine_type.clone(),
            machines,
            backend: way.backend,
            device: way.device,
            precision: way.precision,
            instances: way.instances,
            threads: way.threads,
            batch: way.batch,
            basis: self.pace.basis.clone(),
            images_per_s,
            spread: self.pace.spread,
            phases: None,
            total_s: None,
            billed_s: None,
            useful_share: 0.0,
            latency_ns: None,
            cost_usd,
            usd_per_million,
            joules_per_image: None,
            price: self.price.clone(),
        }
    }

    /// USD for a million images while a machine does nothing else, as after the start of a job that
    /// is large enough.
    pub(super) fn usd_per_million_at_full_use(&self) -> f64 {
        self.price.usd_per_hour / 3_600.0 / self.pace.rate() * 1e6
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sizing::estimate::{certain, within};
    use crate::sizing::fixture::machine;
    use crate::sizing::pace::{Law, steady};

    /// A machine of 1,000 images a second and no spread at USD 3.6 an hour: 0.001 a second. It
    /// takes 100 s to provision, 40 s to start and 10 s to load.
    pub(in crate::sizing) fn offer(name: &str) -> Offer {
        Offer {
            machine_type: name.into(),
            pace: steady(1_000.0),
            startup: Startup {
                provision_s: certain(100.0),
                start_s: certain(40.0),
                load_s: certain(10.0),
            },
            price: price(&machine(name, 4, 3.6)),
            watts: Some(100.0),
        }
    }

    #[test]
    fn phases_add_up_to_the_time_and_the_bill() {
        let one = offer("m").job(50_000, 1);
        assert_eq!(one.billed_s, Some(certain(100.0)));
        assert_eq!(one.total_s, Some(certain(200.0)));
        assert_eq!(one.useful_share, 0.5);
        assert!((one.cost_usd.value - 0.1).abs() < 1e-12);
        assert!((one.usd_per_million.value - 2.0).abs() < 1e-12);
        assert!((one.joules_per_image.unwrap() - 0.2).abs() < 1e-12);
        // Five machines: 10 s of images, but five starts are billed.
        let five = offer("m").job(50_000, 5);
        assert_eq!(five.billed_s, Some(certain(60.0)));
        assert!((five.cost_usd.value - 0.3).abs() < 1e-12);
        // An image more is one more for one of them, and the others wait.
        assert_eq!(offer("m").job(50_001, 5).billed_s, Some(certain(60.001)));
    }

    #[test]
    fn at_full_use_only_the_rate_counts() {
        assert!((offer("m").usd_per_million_at_full_use() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_slowest_of_many_holds_up_all() {
        assert_eq!(slowest(0.05, 1), 0.0);
        assert!((slowest(0.05, 100) - 0.05 * (2.0 * 100f64.ln()).sqrt()).abs() < 1e-12);
        let mut offer = offer("m");
        offer.pace.spread = 0.05;
        let phases = offer.job(1_000_000, 100).phases.unwrap();
        assert!((phases.tail_s.value - 10.0 * 0.1517).abs() < 1e-3, "{phases:?}");
    }

    #[test]
    fn ends_of_intervals_come_from_all_parts() {
        let mut offer = offer("m");
        offer.startup.start_s = within(40.0, 0.5, 2.0);
        offer.pace.law = Law::Rate { rate: within(1_000.0, 0.5, 2.0), last_batch_s: 1.0 };
        let job = offer.job(50_000, 1);
        assert_eq!(job.billed_s, Some(Estimate { value: 101.0, low: 56.0, high: 191.0 }));
        assert!((job.cost_usd.high - 0.191).abs() < 1e-12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn more_machines_are_sooner_done_and_cost_no_less(
            images in 1_000u64..1_000_000_000, machines in 1u64..500, spread in 0.0f64..0.05,
        ) {
            let mut offer = offer("m");
            offer.pace.spread = spread;
            let time = |machines| offer.job(images, machines).total_s.unwrap().value;
            let cost = |machines| offer.job(images, machines).cost_usd.value;
            prop_assert!(time(2 * machines) <= time(machines) + 1e-9);
            prop_assert!(cost(machines + 1) >= cost(machines) * (1.0 - 1e-9));
        }

        #[test]
        fn a_job_of_more_images_takes_and_costs_more(
            images in 1u64..1_000_000_000, more in 1u64..1_000_000, machines in 1u64..100,
        ) {
            let offer = offer("m");
            let (few, many) = (offer.job(images, machines), offer.job(images + more, machines));
            prop_assert!(few.total_s.unwrap().value <= many.total_s.unwrap().value);
            prop_assert!(few.cost_usd.value <= many.cost_usd.value);
            prop_assert!(many.usd_per_million.value <= few.usd_per_million.value * 1.5);
        }
    }
}
