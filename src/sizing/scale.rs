//! The pace of a machine type that nobody measured, from one that was: a model, with its words.

use super::ImagesFrom;
use super::compose::composed;
use super::estimate::within;
use super::machines::Known;
use super::pace::{Law, Pace, Way};
use crate::config::catalogue::{Gpu, MachineType};
use crate::measure::{median, usl};
use crate::record::{Basis, CellRecord, Scenario, Verdict};

/// A machine that is scaled from another may be this much slower or faster than the model says.
const SCALED: (f64, f64) = (0.6, 1.6);

/// Multiply-adds that a core begins in a cycle at best, where a ceiling has to tell its clock.
const FMA_PORTS: f64 = 2.0;

/// A processor as the model has it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cpu {
    /// Physical cores.
    cores: f64,
    /// Clock in GHz.
    clock: f64,
    /// f32 numbers in a vector.
    lanes: f64,
}

/// A machine that was measured, as one to scale from.
#[derive(Debug)]
pub(super) struct Measured<'a> {
    known: &'a Known<'a>,
    pace: Pace,
    cpu: Cpu,
    gpu: Option<&'a Gpu>,
    /// Seconds of all its cores together that an image's inference takes.
    inference_s: f64,
    /// Seconds of one core that an object's files take; zero from memory.
    files_s: f64,
    /// Whether inference is told apart from the files, so that wider vectors are known to help.
    told_apart: bool,
    /// Its processors: hardware threads that a job may use.
    threads: f64,
    curve: Curve,
}

/// How many times as much so many cores do as one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Curve {
    /// The universal scalability law: contention and coherence.
    Law { sigma: f64, kappa: f64 },
    /// One count was measured: nothing is known of what cores cost one another.
    Straight,
}

impl Curve {
    fn of(self, cores: f64) -> f64 {
        match self {
            Self::Straight => cores,
            Self::Law { sigma, kappa } => {
                let law = |n: f64| n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0));
                // Past its peak no one would start more workers.
                let peak =
                    if kappa > 0.0 { ((1.0 - sigma).max(0.0) / kappa).sqrt() } else { cores };
                law(cores.min(peak.max(1.0)))
            }
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Law { .. } => "along its measured scaling curve",
            Self::Straight => "as if cores did not slow one another",
        }
    }
}

/// f32 numbers in a vector of an instruction set.
fn lanes(isa: &str) -> f64 {
    match isa {
        "avx512" => 16.0,
        "avx2" => 8.0,
        _ => 4.0,
    }
}

impl Cpu {
    fn of_type(machine: &MachineType) -> Self {
        Self {
            cores: machine.physical_cores as f64,
            clock: machine.clock_ghz,
            lanes: lanes(&machine.isa),
        }
    }

    /// A machine that no catalogue has: its clock from the multiply-adds that it reached.
    fn of_known(known: &Known<'_>) -> Option<Self> {
        let ceilings = known.runs.iter().find_map(|run| run.ceilings.as_ref())?;
        let lanes = lanes(&ceilings.isa);
        let clock = ceilings.fma_one_core_flop_per_s / (2.0 * FMA_PORTS * lanes) / 1e9;
        (clock > 0.1).then_some(Self { cores: known.physical_cores(), clock, lanes })
    }
}

impl<'a> Measured<'a> {
    /// A measured machine to scale from, by its fastest way. Neither a machine whose processor is
    /// unknown nor one without a rate is one.
    pub(super) fn of(
        known: &'a Known<'a>,
        pace: &Pace,
        machine: Option<&'a MachineType>,
        from: ImagesFrom,
        seed: u64,
    ) -> Option<Self> {
        let cpu = machine.map(Cpu::of_type).or_else(|| Cpu::of_known(known))?;
        let gpu = machine.and_then(|machine| machine.gpu.as_ref());
        // A job that was timed by hand says nothing of its machine's processors.
        let threads = match (known.host.cores, machine) {
            (0, Some(machine)) => machine.vcpus as f64,
            _ => known.cores(),
        };
        let rate = pace.rate();
        let (files_s, told_apart) = match (from, known.files_s()) {
            (ImagesFrom::Memory, _) => (0.0, true),
            // Nearly all of a job at most: inference takes some time.
            (ImagesFrom::Files, Some(files_s)) => (files_s.min(0.95 * threads / rate), true),
            (ImagesFrom::Files, None) => (0.0, false),
        };
        let inference_s = match pace.way.on_gpu() {
            true => 1.0 / rate,
            false => 1.0 / rate - files_s / threads,
        };
        let curve = curve(known, &pace.way, seed);
        let pace = pace.clone();
        Some(Self { known, pace, cpu, gpu, inference_s, files_s, told_apart, threads, curve })
    }

    /// Whether its rate is that of a GPU.
    pub(super) fn on_gpu(&self) -> bool {
        self.pace.way.on_gpu()
    }

    /// How many times as far apart two machines are in cores: what is nearest is scaled from.
    pub(super) fn distance(&self, machine: &MachineType) -> f64 {
        (machine.physical_cores as f64 / self.cpu.cores).ln().abs()
    }

    /// The pace of another machine type; none of a CPU's for a GPU's, or the other way round.
    ///
    /// Seconds of inference fall with clock x lanes and along the scaling curve over physical
    /// cores; those of files with the clock and the cores alone, for decoding and the kernel use no
    /// vectors; where the two are not told apart, all of the time is taken for that. A GPU's inference falls by the lesser of the ratios of its f32 arithmetic and of its
    /// memory bandwidth: a model is bound by one of them. A roofline of two corners, so to say
    /// (S. Williams, A. Waterman and D. Patterson, "Roofline", CACM 52, 2009).
    pub(super) fn onto(&self, machine: &MachineType) -> Option<Pace> {
        let to = Cpu::of_type(machine);
        let speedup = self.curve.of(to.cores) / self.curve.of(self.cpu.cores);
        let clock = to.clock / self.cpu.clock;
        let (inference_s, model) = match (self.on_gpu(), self.gpu, &machine.gpu) {
            (false, _, None) => {
                let vectors = if self.told_apart { to.lanes / self.cpu.lanes } else { 1.0 };
                (self.inference_s / (speedup * clock * vectors), self.words(machine))
            }
            (true, Some(from), Some(gpu)) => {
                let ratio = (gpu.fp32_tflops / from.fp32_tflops)
                    .min(gpu.memory_gb_per_s / from.memory_gb_per_s)
                    * (gpu.count as f64 / from.count.max(1) as f64);
                (self.inference_s / ratio, self.words_of_gpu(from, gpu, ratio))
            }
            _ => return None,
        };
        // Hardware threads of the measured machine count as its cores did there.
        let core_share = self.threads * speedup * clock;
        let rate = match self.files_s > 0.0 {
            true => composed(1.0 / inference_s, self.files_s, core_share, self.on_gpu()),
            false => 1.0 / inference_s,
        };
        if !(rate.is_finite() && rate > 0.0) {
            return None;
        }
        let way = self.way_on(machine);
        let last_batch_s = (way.batch * way.instances) as f64 / rate;
        let law = Law::Rate { rate: within(rate, SCALED.0, SCALED.1), last_batch_s };
        let measure_with = format!("plimsoll sweep --label {}", machine.name);
        let basis = Basis::Predicted { model, measure_with };
        Some(Pace { way, basis, spread: self.pace.spread, law })
    }

    /// How the other machine would be loaded: as many worker processes for each processor.
    fn way_on(&self, machine: &MachineType) -> Way {
        let from = &self.pace.way;
        let share = |count: usize| {
            (count as f64 * machine.vcpus as f64 / self.threads).round().max(1.0) as usize
        };
        match from.instances {
            1 => Way { threads: share(from.threads), ..from.clone() },
            many => Way { instances: share(many), ..from.clone() },
        }
    }

    fn words(&self, machine: &MachineType) -> String {
        format!(
            "scaled from {}: {} physical cores for {}, {}, at {:.1} GHz for {:.1}, {} lanes for \
             {}; 0.6 to 1.6 times that",
            self.known.name,
            machine.physical_cores,
            self.cpu.cores,
            self.curve.words(),
            machine.clock_ghz,
            self.cpu.clock,
            lanes(&machine.isa),
            self.cpu.lanes,
        )
    }

    fn words_of_gpu(&self, from: &Gpu, to: &Gpu, ratio: f64) -> String {
        format!(
            "scaled from {} on {}: {} is {ratio:.2} times that, by the lesser of f32 arithmetic \
             and memory bandwidth; 0.6 to 1.6 times that",
            from.model, self.known.name, to.model,
        )
    }
}

/// The scaling curve of a machine over its worker processes, as long as each has a physical core:
/// the law of three counts or more; of two, contention alone, which passes through both.
fn curve(known: &Known<'_>, way: &Way, seed: u64) -> Curve {
    let one_core_each = |record: &CellRecord| {
        let cell = &record.cell;
        cell.threads == 1 && cell.instances as f64 <= known.physical_cores()
    };
    let alike = |record: &&CellRecord| {
        let cell = &record.cell;
        cell.scenario == Scenario::Offline
            && record.verdict == Verdict::Valid
            && (&cell.backend, &cell.device, cell.batch) == (&way.backend, &way.device, way.batch)
            && one_core_each(record)
    };
    let Some(run) = known.runs.first() else { return Curve::Straight };
    let mut counts: Vec<(usize, Vec<f64>)> = run
        .cells
        .iter()
        .filter(alike)
        .map(|record| {
            let rates = record.rounds.iter().map(|round| round.throughput_images_per_s).collect();
            (record.cell.instances, rates)
        })
        .collect();
    counts.sort_by_key(|(workers, _)| *workers);
    if let Some(law) = usl(&counts, seed) {
        return Curve::Law { sigma: law.sigma.median, kappa: law.kappa.median };
    }
    let [(few, slow), (many, fast)] = counts.as_slice() else { return Curve::Straight };
    let (Some(slow), Some(fast)) = (median(slow), median(fast)) else { return Curve::Straight };
    // n / X(n) = (1 + s (n - 1)) / l at both counts.
    let (n, m) = (*few as f64, *many as f64);
    let ratio = (m / fast) / (n / slow);
    let sigma = (ratio - 1.0) / ((m - 1.0) - ratio * (n - 1.0));
    Curve::Law { sigma: if sigma.is_finite() { sigma.clamp(0.0, 1.0) } else { 0.0 }, kappa: 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::RunRecord;
    use crate::sizing::compose::paces;
    use crate::sizing::fixture::{self, machine, with_gpu};
    use crate::sizing::machines::gather;

    /// The rate that another machine is said to have.
    fn rate_on(run: RunRecord, from: ImagesFrom, target: &MachineType) -> Option<f64> {
        let runs = [run];
        let all = gather(&runs, &[], None);
        let pace = paces(&all[0], from, 1).swap_remove(0);
        let measured = Measured::of(&all[0], &pace, None, from, 1)?;
        Some(measured.onto(target)?.rate())
    }

    #[test]
    fn inference_scales_with_cores_clock_and_lanes() {
        let rate =
            |target: &MachineType| rate_on(fixture::run(), ImagesFrom::Memory, target).unwrap();
        // The fixture's machine has four cores of 3 GHz and scales straight: 40,000 images/s.
        assert!((rate(&machine("same", 4, 1.0)) / 40_000.0 - 1.0).abs() < 1e-6);
        assert!((rate(&machine("double", 8, 1.0)) / 80_000.0 - 1.0).abs() < 1e-6);
        let mut other = machine("wide and slow", 4, 1.0);
        (other.clock_ghz, other.isa) = (1.5, "avx512".into());
        assert!((rate(&other) / 40_000.0 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn files_do_not_gain_from_wider_vectors() {
        let rate =
            |target: &MachineType| rate_on(fixture::run(), ImagesFrom::Files, target).unwrap();
        assert!((rate(&machine("same", 4, 1.0)) * 35e-6 - 1.0).abs() < 1e-6);
        let mut wide = machine("wide", 4, 1.0);
        wide.isa = "avx512".into();
        // 25 us become 12.5, 10 us stay.
        assert!((rate(&wide) * 22.5e-6 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_machine_does_not_grow_past_the_peak_of_its_curve() {
        let mut run = fixture::run();
        // s = 0.1, k = 0.02: the peak is at 6.7 workers.
        let law = |n: f64| 10_000.0 * n / (1.0 + 0.1 * (n - 1.0) + 0.02 * n * (n - 1.0));
        run.cells = [1, 2, 4].map(|n| fixture::cell("native", n, 128, law(n as f64))).to_vec();
        for cell in &mut run.cells {
            cell.cell.threads = 1;
        }
        let rate =
            |cores| rate_on(run.clone(), ImagesFrom::Memory, &machine("m", cores, 1.0)).unwrap();
        assert!((rate(6) / law(6.0) - 1.0).abs() < 1e-3, "{}", rate(6));
        let peak = law((0.9f64 / 0.02).sqrt());
        assert!((rate(64) / peak - 1.0).abs() < 1e-3, "{} {peak}", rate(64));
    }

    #[test]
    fn two_counts_tell_contention() {
        let mut run = fixture::run();
        // Two do 1.6 times what one does: s = 0.25, and 16 do 16 / 4.75.
        run.cells = [(1, 10_000.0), (2, 16_000.0)]
            .map(|(n, rate)| fixture::cell("native", n, 128, rate))
            .to_vec();
        run.cells.iter_mut().for_each(|cell| cell.cell.threads = 1);
        (run.host.cores, run.host.physical_cores) = (2, Some(2));
        let rate = rate_on(run, ImagesFrom::Memory, &machine("m", 16, 1.0)).unwrap();
        assert!((rate / (10_000.0 * 16.0 / 4.75) - 1.0).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn a_gpu_is_scaled_from_a_gpu_alone() {
        assert_eq!(rate_on(fixture::run(), ImagesFrom::Memory, &with_gpu("g", 1.0, 30.0)), None);
        let mut run = fixture::run();
        for cell in &mut run.cells {
            cell.cell.device = "cuda:0".into();
        }
        let runs = [run];
        let all = gather(&runs, &[], None);
        let pace = paces(&all[0], ImagesFrom::Memory, 1).swap_remove(0);
        let here = with_gpu("here", 1.0, 10.0);
        let of = |machine| Measured::of(&all[0], &pace, machine, ImagesFrom::Memory, 1).unwrap();
        let measured = of(Some(&here));
        let mut target = with_gpu("there", 1.0, 40.0);
        target.gpu.as_mut().unwrap().memory_gb_per_s = 500.0;
        // Four times the arithmetic, but only 2.5 times the bandwidth.
        let onto = measured.onto(&target).unwrap();
        assert!((onto.rate() / 100_000.0 - 1.0).abs() < 1e-6, "{}", onto.rate());
        let Basis::Predicted { model, measure_with } = onto.basis else { panic!() };
        assert!(model.starts_with("scaled from Made-up GPU on this machine: Made-up GPU is 2.50"));
        assert_eq!(measure_with, "plimsoll sweep --label there");
        assert!(measured.onto(&machine("cpu", 4, 1.0)).is_none());
        // What the measured GPU can do is not known where the catalogue lacks it.
        assert!(of(None).onto(&target).is_none());
    }

    #[test]
    fn the_model_is_told_and_the_interval_is_wide() {
        let runs = [fixture::run()];
        let all = gather(&runs, &[], None);
        let pace = paces(&all[0], ImagesFrom::Files, 1).swap_remove(0);
        let measured = Measured::of(&all[0], &pace, None, ImagesFrom::Files, 1).unwrap();
        let onto = measured.onto(&machine("ml.large", 16, 1.7)).unwrap();
        let rate = onto.run(1).rate;
        assert_eq!((rate.low, rate.high), (rate.value * 0.6, rate.value * 1.6));
        assert_eq!((onto.way.instances, onto.way.threads), (32, 1));
        let Basis::Predicted { model, .. } = onto.basis else { panic!() };
        assert_eq!(
            model,
            "scaled from this machine: 16 physical cores for 4, as if cores did not slow one \
             another, at 3.0 GHz for 3.0, 8 lanes for 8; 0.6 to 1.6 times that"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_machine_with_more_of_everything_is_no_slower(
            cores in 1usize..64, more in 0usize..64, clock in 1.0f64..4.0, faster in 0.0f64..1.0,
        ) {
            let mut small = machine("small", cores, 1.0);
            small.clock_ghz = clock;
            let mut large = machine("large", cores + more, 1.0);
            (large.clock_ghz, large.isa) = (clock + faster, "avx512".into());
            let rate = |m: &MachineType| rate_on(fixture::run(), ImagesFrom::Files, m).unwrap();
            prop_assert!(rate(&large) >= rate(&small) * (1.0 - 1e-9));
        }
    }
}
