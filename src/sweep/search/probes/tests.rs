//! Searches over made-up surfaces, and over figures as a real machine gives them.

use proptest::prelude::*;
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::*;
use crate::units::Nanos;

fn cell(backend: &str, instances: usize, threads: usize, batch: usize) -> Cell {
    Cell {
        backend: backend.into(),
        device: "cpu".into(),
        instances,
        batch,
        threads,
        precision: "f32".into(),
        sessions: 1,
        staging: "pageable".into(),
        scenario: Scenario::Offline,
    }
}

/// Runs a search to its end over a surface of true rates, with noise, and gives the index of its
/// answer, the cells that it measured, and its measurements.
fn search(
    cells: &[Cell],
    cores: usize,
    rates: &[f64],
    noise: f64,
    seed: u64,
) -> (usize, usize, usize) {
    let config = Sweep { seed, search: true, ..Sweep::default() };
    let mut search = Search::new(&config, cells, cores);
    let mut seen = vec![Seen::default(); cells.len()];
    let mut random = Pcg64::seed_from_u64(seed ^ 0x5eed);
    let mut measurements = 0;
    loop {
        let so_far = SoFar { seen: &seen, spent: Nanos(0), mean: None };
        let Some(pass) = search.next_pass(&so_far) else { break };
        measurements += pass.len();
        for index in pass {
            seen[index].rates.push(rates[index] * (noise * normal(&mut random)).exp());
        }
    }
    let so_far = SoFar { seen: &seen, spent: Nanos(0), mean: None };
    let best = search.ranking(&so_far)[0].index;
    (best, search.probed(&so_far), measurements)
}

fn unit(random: &mut impl Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Box and Muller's transform.
fn normal(random: &mut impl Rng) -> f64 {
    let (u, v) = (1.0 - unit(random), unit(random));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A made-up machine: a few backends over instances, threads and batches.
struct World {
    cells: Vec<Cell>,
    cores: usize,
    rates: Vec<f64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut between = |low: f64, high: f64| low + (high - low) * unit(&mut random);
        let log_between = |between: &mut dyn FnMut(f64, f64) -> f64, low: f64, high: f64| {
            between(low.ln(), high.ln()).exp()
        };
        let cores = [2, 4, 8, 16][between(0.0, 4.0) as usize];
        let backends = 2 + between(0.0, 3.0) as usize;
        let batches: &[usize] = [
            &[1, 8, 32, 128, 256, 512][..],
            &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024][..],
            &[16, 64, 256, 1024][..],
        ][between(0.0, 3.0) as usize];
        let mut instances = vec![1];
        while instances.len() < 4 && *instances.last().unwrap() < cores {
            instances.push(instances.last().unwrap() * 2);
        }
        let both = between(0.0, 1.0) < 0.4;
        let mut cells = Vec::new();
        let mut rates = Vec::new();
        for backend in 0..backends {
            // A batch takes a + c b, more once its activations outgrow a cache.
            let c = log_between(&mut between, 4e-6, 60e-6);
            let a = c * log_between(&mut between, 0.5, 100.0);
            let knee = log_between(&mut between, 32.0, 2048.0);
            let worse = between(0.0, 0.35);
            let (contention, coherency) = (between(0.0, 0.3), between(0.0, 0.01));
            let serial = between(0.1, 1.0);
            for &n in &instances {
                let mut threads = vec![(cores / n).max(1)];
                if both && threads[0] != 1 {
                    threads.push(1);
                }
                for t in threads {
                    for &batch in batches {
                        let b = batch as f64;
                        let slow = 1.0 + worse / (1.0 + (-2.0 * (b / knee).ln()).exp());
                        let threaded = t as f64 / (1.0 + serial * (t as f64 - 1.0));
                        let alone = b / (a + c * b * slow / threaded);
                        let n = n as f64;
                        let usl = n / (1.0 + contention * (n - 1.0) + coherency * n * (n - 1.0));
                        cells.push(cell(&format!("b{backend}"), n as usize, t, batch));
                        rates.push(alone * usl);
                    }
                }
            }
        }
        Self { cells, cores, rates }
    }
}

#[test]
fn made_up_machines() {
    let (mut good, mut worlds, mut sizes) = (0, 0, Vec::new());
    for seed in 0..400 {
        let world = World::new(seed);
        if world.cells.len() < 8 {
            continue;
        }
        let (best, probed, measurements) =
            search(&world.cells, world.cores, &world.rates, 0.02, seed);
        let top = world.rates.iter().copied().fold(0.0, f64::max);
        let reached = world.rates[best] / top;
        worlds += 1;
        good += usize::from(reached >= 0.95);
        sizes.push(probed as f64 / world.cells.len() as f64);
        if reached < 0.95 {
            let index = world.rates.iter().position(|&r| r == top).unwrap();
            println!(
                "{seed}: {} cells, {probed} probed, {measurements} m, {reached:.3} {} instead of {}",
                world.cells.len(),
                name(&world.cells[best]),
                name(&world.cells[index])
            );
        }
        assert!(probed <= (world.cells.len() / 4).max(3));
    }
    println!("{good} of {worlds}, {:.3} of cells", sizes.iter().sum::<f64>() / sizes.len() as f64);
}

#[test]
fn real() {
    let table: [(&str, usize, usize, [f64; 6]); 6] = [
        ("torch", 1, 2, [7e3, 35e3, 75e3, 82e3, 80e3, 76e3]),
        ("torch", 2, 1, [12e3, 60e3, 130e3, 160e3, 150e3, 140e3]),
        ("torch-eager", 1, 2, [4e3, 15e3, 25e3, 24e3, 23e3, 22e3]),
        ("torch-eager", 2, 1, [7e3, 27e3, 45e3, 46e3, 44e3, 42e3]),
        ("native", 1, 2, [12e3, 70e3, 150e3, 168e3, 166e3, 160e3]),
        ("native", 2, 1, [24e3, 140e3, 300e3, 335e3, 330e3, 318e3]),
    ];
    let (mut cells, mut rates) = (Vec::new(), Vec::new());
    for (backend, instances, threads, row) in table {
        for (batch, rate) in [1, 8, 32, 128, 256, 512].into_iter().zip(row) {
            cells.push(cell(backend, instances, threads, batch));
            rates.push(rate);
        }
    }
    for seed in 0..50 {
        let (best, probed, m) = search(&cells, 2, &rates, 0.02, seed);
        if seed < 5 {
            println!("{seed} {} {probed} {m}", name(&cells[best]));
        }
        assert!(rates[best] >= 335e3 * 0.95, "{seed}");
        assert!(probed <= 9);
    }
}
