//! Whether a GPU pays.

use super::cost::Offer;
use super::words::{factor, usd};
use crate::record::{CpuOrGpu, Estimate};
use crate::units;

/// The ends of the curve over images, as powers of ten, and points for each.
const DECADES: (i32, i32) = (2, 10);
const POINTS: i32 = 2;

/// The cheapest CPU offer against the cheapest GPU offer, for a job of so many images on one machine
/// of either: one is always the cheapest count, as each start is billed. None where there is no
/// offer of one of the two with a price.
pub(super) fn versus(offers: &[Offer], images: u64) -> Option<CpuOrGpu> {
    let cheapest = |gpu: bool| {
        let of = |offer: &&Offer| offer.pace.way.on_gpu() == gpu && offer.price.is_known();
        let cost = |offer: &Offer| offer.job(images, 1).cost_usd.value;
        // What was measured goes before what was predicted.
        offers.iter().filter(of).min_by(|a, b| {
            let predicted = |offer: &Offer| !offer.pace.is_measured();
            predicted(a).cmp(&predicted(b)).then(cost(a).total_cmp(&cost(b)))
        })
    };
    let (cpu, gpu) = (cheapest(false)?, cheapest(true)?);
    let cost = |offer: &Offer, images| offer.job(images, 1).cost_usd.value;
    let curve: Vec<(u64, f64, f64)> = (DECADES.0 * POINTS..=DECADES.1 * POINTS)
        .map(|step| 10f64.powf(f64::from(step) / f64::from(POINTS)).round() as u64)
        .map(|images| (images, cost(cpu, images), cost(gpu, images)))
        .collect();
    let cheaper_from_images = crossing(|images| cost(gpu, images) < cost(cpu, images));
    let rates = [cpu, gpu].map(|offer| offer.pace.run(images).rate);
    let break_even_price_ratio = Estimate {
        value: rates[1].value / rates[0].value,
        low: rates[1].low / rates[0].high,
        high: rates[1].high / rates[0].low,
    };
    let cheaper_from_batch = from_batch(offers, cpu, gpu);
    let mut found = CpuOrGpu {
        cpu: cpu.machine_type.clone(),
        gpu: gpu.machine_type.clone(),
        curve,
        cheaper_from_images,
        cheaper_from_batch,
        break_even_price_ratio,
        sentence: String::new(),
    };
    found.sentence = sentence(&found, cpu, gpu, images);
    Some(found)
}

/// The fewest images from which on the GPU is cheaper: its start-up costs more, its images less, so
/// that it stays so. None where it is not at the curve's end.
fn crossing(cheaper: impl Fn(u64) -> bool) -> Option<u64> {
    let end = 10u64.pow(DECADES.1 as u32);
    if !cheaper(end) {
        return None;
    }
    let (mut not, mut is) = (0, end);
    while is - not > 1 {
        let middle = not + (is - not) / 2;
        if cheaper(middle) {
            is = middle;
        } else {
            not = middle;
        }
    }
    Some(is)
}

/// The smallest batch from which on a dollar buys more images of the GPU than of the CPU, at batch
/// sizes that both have.
fn from_batch(offers: &[Offer], cpu: &Offer, gpu: &Offer) -> Option<usize> {
    let per_dollar = |of: &Offer, batch: usize| {
        let alike = |offer: &&Offer| {
            offer.machine_type == of.machine_type
                && offer.pace.way.on_gpu() == of.pace.way.on_gpu()
                && offer.pace.way.batch == batch
        };
        let rates = offers.iter().filter(alike);
        rates.map(|offer| offer.pace.rate() / offer.price.usd_per_hour).reduce(f64::max)
    };
    let mut batches: Vec<usize> = offers.iter().map(|offer| offer.pace.way.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    let wins = batches
        .into_iter()
        .filter_map(|batch| Some((batch, per_dollar(gpu, batch)? > per_dollar(cpu, batch)?)));
    let wins: Vec<(usize, bool)> = wins.collect();
    wins.iter().rev().take_while(|(_, wins)| *wins).last().map(|(batch, _)| *batch)
}

fn sentence(of: &CpuOrGpu, cpu: &Offer, gpu: &Offer, images: u64) -> String {
    let (cpu_usd, gpu_usd) = (cpu.job(images, 1).cost_usd.value, gpu.job(images, 1).cost_usd.value);
    let price_ratio = gpu.price.usd_per_hour / cpu.price.usd_per_hour;
    let from = match of.cheaper_from_images {
        Some(0 | 1) => format!("{} is cheaper whatever the images", of.gpu),
        Some(n) => format!("{} is cheaper from {} images on", of.gpu, units::count(n)),
        None => format!("{} is not cheaper for any number of images", of.gpu),
    };
    let ratio = of.break_even_price_ratio;
    let predicted = match (cpu.pace.is_measured(), gpu.pace.is_measured()) {
        (true, true) => "",
        _ => " Not both were measured: this rests on a prediction.",
    };
    let batch = of.cheaper_from_batch.map_or_else(String::new, |batch| {
        format!(" While both work, a dollar buys more images of the GPU from batch {batch} on.")
    });
    format!(
        "CPU or GPU: {} images cost {} on {} and {} on {}; {from}. At work the GPU is {} times as \
         fast ({} to {}): it pays up to that many times the price, and costs {} times as much.\
         {batch}{predicted}",
        units::count(images),
        usd(cpu_usd),
        of.cpu,
        usd(gpu_usd),
        of.gpu,
        factor(ratio.value),
        factor(ratio.low),
        factor(ratio.high),
        factor(price_ratio),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::cost::tests::offer;
    use crate::sizing::pace::{Pace, Way, steady};

    /// An offer of such a rate at such a batch; [`offer`]'s costs USD 3.6 an hour.
    fn of(name: &str, device: &str, batch: usize, rate: f64, usd_per_hour: f64) -> Offer {
        let mut offer = offer(name);
        let way = Way { device: device.into(), batch, ..offer.pace.way };
        offer.pace = Pace { way, ..steady(rate) };
        offer.price.usd_per_hour = usd_per_hour;
        offer
    }

    #[test]
    fn a_gpu_pays_from_some_number_of_images_on() {
        // Both take 50 s to start. A second of the GPU costs four times as much and does ten
        // times: 4 (50 + n / 10,000) = 50 + n / 1,000 at n = 250,000.
        let offers = [of("cpu", "cpu", 64, 1_000.0, 3.6), of("gpu", "cuda:0", 64, 10_000.0, 14.4)];
        let found = versus(&offers, 1_000_000).unwrap();
        assert_eq!((found.cpu.as_str(), found.gpu.as_str()), ("cpu", "gpu"));
        assert_eq!(found.cheaper_from_images, Some(250_001));
        assert_eq!(found.break_even_price_ratio.value, 10.0);
        assert_eq!(found.cheaper_from_batch, Some(64));
        assert_eq!((found.curve[0].0, found.curve.last().unwrap().0), (100, 10_000_000_000));
        assert!(found.curve.iter().all(|&(n, c, g)| (g < c) == (n > 250_000)));
        assert_eq!(
            found.sentence,
            "CPU or GPU: 1,000,000 images cost $1.05 on cpu and $0.60 on gpu; gpu is cheaper from \
             250,001 images on. At work the GPU is 10.0 times as fast (10.0 to 10.0): it pays up \
             to that many times the price, and costs 4.00 times as much. While both work, a dollar \
             buys more images of the GPU from batch 64 on."
        );
    }

    #[test]
    fn a_gpu_that_is_dearer_than_it_is_fast_never_pays() {
        let offers = [of("cpu", "cpu", 64, 1_000.0, 1.0), of("gpu", "cuda:0", 64, 5_000.0, 6.0)];
        let found = versus(&offers, 1_000_000).unwrap();
        assert_eq!((found.cheaper_from_images, found.cheaper_from_batch), (None, None));
        assert!(found.sentence.contains("gpu is not cheaper for any number of images"));
    }

    #[test]
    fn the_batch_is_the_smallest_from_which_the_gpu_keeps_winning() {
        let pairs =
            [(1, 100.0, 50.0), (8, 400.0, 900.0), (32, 800.0, 700.0), (128, 900.0, 9_000.0)];
        let offers: Vec<Offer> = pairs
            .into_iter()
            .flat_map(|(batch, cpu, gpu)| {
                [of("cpu", "cpu", batch, cpu, 1.0), of("gpu", "cuda:0", batch, gpu, 1.0)]
            })
            .collect();
        assert_eq!(versus(&offers, 1_000).unwrap().cheaper_from_batch, Some(128));
    }

    #[test]
    fn one_of_them_alone_is_no_comparison() {
        let cpu = of("cpu", "cpu", 64, 1_000.0, 1.0);
        assert!(versus(std::slice::from_ref(&cpu), 1_000).is_none());
        let mut unpriced = of("gpu", "cuda:0", 64, 1_000.0, 1.0);
        unpriced.price = Default::default();
        assert!(versus(&[cpu, unpriced], 1_000).is_none());
    }
}
