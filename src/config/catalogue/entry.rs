//! One `[[machine]]` of a file.

use super::keys::{Key, Keys};
use super::{Gpu, MachineType, Pricing, Span};
use crate::error::Result;

/// Who has machines, and the machines that their owner reckons for himself.
const PROVIDERS: [&str; 5] = ["aws-sagemaker", "aws-ec2", "gcp", "azure", "owned"];

/// Instruction sets that make a difference.
const ISAS: [&str; 3] = ["avx2", "avx512", "neon"];

const PROVIDER: Key = Key("provider", "provider = \"aws-ec2\"");
const VCPUS: Key = Key("vcpus", "vcpus = 4");
const CORES: Key = Key("physical_cores", "physical_cores = 2");
const MEMORY: Key = Key("memory_gib", "memory_gib = 8");
const CPU: Key = Key("cpu", "cpu = \"Intel Xeon Platinum 8375C\"");
const CLOCK: Key = Key("clock_ghz", "clock_ghz = 3.4");
const ISA: Key = Key("isa", "isa = \"avx512\"");
const GPU: Key = Key(
    "gpu",
    "gpu = { model = \"NVIDIA T4\", count = 1, memory_gib = 16, fp32_tflops = 8.1, \
     memory_gb_per_s = 320, link_gb_per_s = 15.75 }",
);
const MODEL: Key = Key("model", "model = \"NVIDIA T4\"");
const COUNT: Key = Key("count", "count = 1");
const TFLOPS: Key = Key("fp32_tflops", "fp32_tflops = 8.1");
const BANDWIDTH: Key = Key("memory_gb_per_s", "memory_gb_per_s = 320");
const LINK: Key = Key("link_gb_per_s", "link_gb_per_s = 15.75");
const PRICE: Key = Key(
    "price",
    "price = { usd_per_hour = 0.17, region = \"us-east-1\", date = \"2026-07-13\", source = \
     \"where you read it\" }, or owned = { ... } for a machine of your own",
);
const HOURLY: Key = Key("usd_per_hour", "usd_per_hour = 0.17");
const REGION: Key = Key("region", "region = \"us-east-1\"");
const DATE: Key = Key("date", "date = \"2026-07-13\", the day that the figures are of");
const SOURCE: Key = Key("source", "source = \"where you read it\"");
const OWNED: Key = Key(
    "owned",
    "owned = { purchase_usd = 9000, years = 4, watts = 450, usd_per_kwh = 0.30, date = \
     \"2026-07-13\" }",
);
const PURCHASE: Key = Key("purchase_usd", "purchase_usd = 9000");
const YEARS: Key = Key("years", "years = 4");
const KWH: Key = Key("usd_per_kwh", "usd_per_kwh = 0.30");
const PROVISION: Key =
    Key("provision_s", "provision_s = { typical = 60, low = 30, high = 120 }, in seconds");
const START: Key = Key("start_s", "start_s = { typical = 60, low = 30, high = 120 }, in seconds");
const TYPICAL: Key = Key("typical", "typical = 60");
const LOW: Key = Key("low", "low = 30");
const HIGH: Key = Key("high", "high = 120");
const WATTS: Key = Key("watts", "watts = 450");

/// Reads the keys of the machine `name`. What they leave out is as in `base`, but for the price
/// where `base` is another machine.
pub(super) fn machine(
    mut keys: Keys,
    name: String,
    base: Option<&MachineType>,
) -> Result<MachineType> {
    let same = base.filter(|base| base.name == name);
    let k = &mut keys;
    let provider = k.word(PROVIDER, &PROVIDERS)?;
    let vcpus = k.count(VCPUS)?;
    let physical_cores = k.count(CORES)?;
    let memory_gib = k.positive(MEMORY)?;
    let cpu = k.text(CPU)?;
    let clock_ghz = k.positive(CLOCK)?;
    let isa = k.word(ISA, &ISAS)?;
    let gpu = k.table(GPU)?.map(gpu).transpose()?;
    let price = pricing(k)?;
    let provision_s = k.table(PROVISION)?.map(span).transpose()?;
    let start_s = k.table(START)?.map(span).transpose()?;
    let watts = k.positive(WATTS)?;
    let machine = MachineType {
        provider: k.or(PROVIDER, provider, base.map(|base| base.provider.clone()))?,
        vcpus: k.or(VCPUS, vcpus, base.map(|base| base.vcpus))?,
        physical_cores: k.or(CORES, physical_cores, base.map(|base| base.physical_cores))?,
        memory_gib: k.or(MEMORY, memory_gib, base.map(|base| base.memory_gib))?,
        cpu: k.or(CPU, cpu, base.map(|base| base.cpu.clone()))?,
        clock_ghz: k.or(CLOCK, clock_ghz, base.map(|base| base.clock_ghz))?,
        isa: k.or(ISA, isa, base.map(|base| base.isa.clone()))?,
        gpu: gpu.or_else(|| base.and_then(|base| base.gpu.clone())),
        price: k.or(PRICE, price, same.map(|base| base.price.clone()))?,
        provision_s: k.or(PROVISION, provision_s, base.map(|base| base.provision_s))?,
        start_s: k.or(START, start_s, base.map(|base| base.start_s))?,
        watts: watts.or_else(|| base.and_then(|base| base.watts)),
        name,
    };
    if machine.physical_cores > machine.vcpus {
        let reason = format!(
            "{} cores are more than the {} hardware threads of `vcpus`",
            machine.physical_cores, machine.vcpus
        );
        return Err(keys.wrong(CORES, reason));
    }
    keys.end()?;
    Ok(machine)
}

fn gpu(mut keys: Keys) -> Result<Gpu> {
    let (model, count) = (keys.text(MODEL)?, keys.count(COUNT)?);
    let (memory_gib, fp32_tflops) = (keys.positive(MEMORY)?, keys.positive(TFLOPS)?);
    let (memory_gb_per_s, link_gb_per_s) = (keys.positive(BANDWIDTH)?, keys.positive(LINK)?);
    let gpu = Gpu {
        model: keys.required(MODEL, model)?,
        count: keys.required(COUNT, count)?,
        memory_gib: keys.required(MEMORY, memory_gib)?,
        fp32_tflops: keys.required(TFLOPS, fp32_tflops)?,
        memory_gb_per_s: keys.required(BANDWIDTH, memory_gb_per_s)?,
        link_gb_per_s: keys.required(LINK, link_gb_per_s)?,
    };
    keys.end()?;
    Ok(gpu)
}

/// The price, rented or owned. It is given whole or not at all: a price with the date of another
/// would be a lie.
fn pricing(keys: &mut Keys) -> Result<Option<Pricing>> {
    let (price, owned) = (keys.table(PRICE)?, keys.table(OWNED)?);
    match (price, owned) {
        (Some(_), Some(_)) => {
            let reason = "does not go with `price`: a machine is rented or owned; leave one out";
            Err(keys.wrong(OWNED, reason))
        }
        (Some(price), None) => hourly(price).map(Some),
        (None, Some(owned)) => own(owned).map(Some),
        (None, None) => Ok(None),
    }
}

fn hourly(mut keys: Keys) -> Result<Pricing> {
    let (usd_per_hour, region) = (keys.positive(HOURLY)?, keys.text(REGION)?);
    let (date, source) = (keys.date(DATE)?, keys.text(SOURCE)?);
    let pricing = Pricing::Hourly {
        usd_per_hour: keys.required(HOURLY, usd_per_hour)?,
        region: keys.required(REGION, region)?,
        date: keys.required(DATE, date)?,
        source: keys.required(SOURCE, source)?,
    };
    keys.end()?;
    Ok(pricing)
}

fn own(mut keys: Keys) -> Result<Pricing> {
    let (purchase_usd, years) = (keys.positive(PURCHASE)?, keys.positive(YEARS)?);
    // Power that the roof gives costs nothing.
    let (watts, usd_per_kwh) = (keys.positive(WATTS)?, keys.not_negative(KWH)?);
    let date = keys.date(DATE)?;
    let pricing = Pricing::Owned {
        purchase_usd: keys.required(PURCHASE, purchase_usd)?,
        years: keys.required(YEARS, years)?,
        watts: keys.required(WATTS, watts)?,
        usd_per_kwh: keys.required(KWH, usd_per_kwh)?,
        date: keys.required(DATE, date)?,
    };
    keys.end()?;
    Ok(pricing)
}

fn span(mut keys: Keys) -> Result<Span> {
    let typical = keys.not_negative(TYPICAL)?;
    let (low, high) = (keys.not_negative(LOW)?, keys.not_negative(HIGH)?);
    let span = Span {
        typical: keys.required(TYPICAL, typical)?,
        low: keys.required(LOW, low)?,
        high: keys.required(HIGH, high)?,
    };
    let Span { typical, low, high } = span;
    if low > typical {
        let reason = format!("{low} is more than the {typical} of `typical`");
        return Err(keys.wrong(LOW, reason));
    }
    if high < typical {
        let reason = format!("{high} is less than the {typical} of `typical`");
        return Err(keys.wrong(HIGH, reason));
    }
    keys.end()?;
    Ok(span)
}
