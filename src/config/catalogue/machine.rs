//! A machine type, and what it costs.

use std::time::{Duration, SystemTime};

use super::keys::day;

/// Hours of a mean year.
const HOURS_A_YEAR: f64 = 8_766.0;

/// After this a price is old.
const SIX_MONTHS: Duration = Duration::from_secs(183 * 24 * 3_600);

/// A machine that can be rented, or is owned.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineType {
    /// Its name, as its provider writes it: `ml.c5.xlarge`.
    pub name: String,
    /// Who has it: `aws-sagemaker`, `aws-ec2`, `gcp`, `azure` or `owned`.
    pub provider: String,
    /// Hardware threads.
    pub vcpus: usize,
    /// Physical cores.
    pub physical_cores: usize,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// Processor, as people name it.
    pub cpu: String,
    /// Clock in GHz while all cores are busy.
    pub clock_ghz: f64,
    /// The widest instruction set that counts: `avx2`, `avx512` or `neon`.
    pub isa: String,
    /// Its GPUs, all of one kind.
    pub gpu: Option<Gpu>,
    /// What it costs.
    pub price: Pricing,
    /// From the request until it is there.
    pub provision_s: Span,
    /// From then until the container runs.
    pub start_s: Span,
    /// Power that it draws while it works, in watts, where that is known.
    pub watts: Option<f64>,
}

/// The GPUs of a machine. All figures but the count are of one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// Model: `NVIDIA A10G`.
    pub model: String,
    /// How many.
    pub count: usize,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// Single-precision arithmetic in TFLOP/s, without tensor cores, as its maker gives it.
    pub fp32_tflops: f64,
    /// Memory bandwidth in GB/s.
    pub memory_gb_per_s: f64,
    /// Bandwidth from the host to it in GB/s, one way, as the link's standard gives it.
    pub link_gb_per_s: f64,
}

/// Seconds that something takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Usually.
    pub typical: f64,
    /// At best.
    pub low: f64,
    /// At worst.
    pub high: f64,
}

/// What a machine costs.
#[derive(Clone, Debug, PartialEq)]
pub enum Pricing {
    /// It is rented.
    Hourly {
        /// USD an hour, on demand.
        usd_per_hour: f64,
        /// Where: `us-east-1`.
        region: String,
        /// The day that the price is known of: `2026-11-22`.
        date: String,
        /// Where it was read.
        source: String,
    },
    /// It was bought.
    Owned {
        /// USD that it cost.
        purchase_usd: f64,
        /// Years that it is used.
        years: f64,
        /// Power that it draws while it is on, cooling included, in watts.
        watts: f64,
        /// USD that a kilowatt-hour costs.
        usd_per_kwh: f64,
        /// The day that these figures are of.
        date: String,
    },
}

impl MachineType {
    /// USD an hour. Of an owned machine: its purchase over the hours of the years that it is used
    /// (8,766 a year), and its power.
    pub fn usd_per_hour(&self) -> f64 {
        match self.price {
            Pricing::Hourly { usd_per_hour, .. } => usd_per_hour,
            Pricing::Owned { purchase_usd, years, watts, usd_per_kwh, .. } => {
                purchase_usd / (years * HOURS_A_YEAR) + watts / 1e3 * usd_per_kwh
            }
        }
    }

    /// Whether the price is from more than six months before `today`.
    pub fn price_is_old(&self, today: SystemTime) -> bool {
        let (Pricing::Hourly { date, .. } | Pricing::Owned { date, .. }) = &self.price;
        day(date).is_some_and(|day| today.duration_since(day).is_ok_and(|age| age > SIX_MONTHS))
    }
}
