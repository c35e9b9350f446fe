//! Whether a configuration can be meant.

use std::fmt::Display;

use super::{Sweep, span};
use crate::error::{Error, Result};
use crate::units::Nanos;

/// The largest batch: 65,536 images of 28x28 floats are 200 MB an activation, past any use.
const MAX_BATCH: usize = 65_536;

/// The most processes; each holds a copy of the model and of its library.
pub const MAX_INSTANCES: usize = 1_024;

/// The most threads of one forward pass.
const MAX_THREADS: usize = 1_024;

/// The most passes: the hundredth adds nothing to the median of ninety-nine.
const MAX_ROUNDS: usize = 1_000;

/// The most distinct images, 784 MB of them.
const MAX_IMAGES: usize = 1_000_000;

/// The most batches that may wait.
const MAX_QUEUE: usize = 1_024;

/// The most sessions side by side.
const MAX_SESSIONS: usize = 64;

/// The longest span, an hour: what is longer was meant in another unit.
const LONGEST: Nanos = Nanos(3_600_000_000_000);

/// The longest budget, a day.
const LONGEST_BUDGET: Nanos = Nanos(24 * LONGEST.0);

/// Arithmetic that some backend may have. Whether the one that is asked for has it, the grid says.
const PRECISIONS: [&str; 5] = ["f32", "tf32", "f16", "bf16", "int8"];

/// Memory to stage batches in.
const STAGING: [&str; 3] = ["auto", "pageable", "pinned"];

impl Sweep {
    /// Checks every value, and the backends against the `known` names.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the first wrong key, its value, and what would be right.
    pub fn check(&self, known: &[&str]) -> Result<()> {
        if let Some(name) = self.backends.iter().find(|name| !known.contains(&name.as_str())) {
            let names = known.join(", ");
            return Err(wrong("backends", name, &format!("is not known; choose from {names}")));
        }
        twice("backends", &self.backends)?;
        names("devices", &self.devices, is_device, "cpu, or cuda:N for the CUDA device N")?;
        let one_of = |known: &'static [&str]| move |name: &str| known.contains(&name);
        names("precisions", &self.precisions, one_of(&PRECISIONS), &PRECISIONS.join(", "))?;
        names("staging", &self.staging, one_of(&STAGING), &STAGING.join(", "))?;
        // What a scenario is, the grid knows.
        names("scenarios", &self.scenarios, |_| true, "")?;
        list("sessions", &self.sessions, 1, MAX_SESSIONS)?;
        list("instances", &self.instances, 1, MAX_INSTANCES)?;
        list("batch_sizes", &self.batch_sizes, 1, MAX_BATCH)?;
        list("threads", &self.threads, 0, MAX_THREADS)?;
        number("rounds", self.rounds, 1, MAX_ROUNDS)?;
        number("max_rounds", self.max_rounds, 1, MAX_ROUNDS)?;
        number("images", self.images, 1, MAX_IMAGES)?;
        number("check_images", self.check_images, 1, MAX_IMAGES)?;
        number("queue", self.queue, 1, MAX_QUEUE)?;
        length("window", self.window, Nanos(1))?;
        length("warmup_window", self.warmup_window, Nanos(1))?;
        length("warmup_min", self.warmup_min, Nanos(0))?;
        length("warmup_max", self.warmup_max, self.warmup_min)?;
        length("max_delay", self.max_delay, Nanos(0))?;
        if self.budget > LONGEST_BUDGET {
            return Err(wrong("budget", span::write(self.budget), "must be a day at most"));
        }
        if self.search && self.budget.0 > 0 {
            return Err(wrong(
                "search",
                "true",
                "does not go with a `budget`: a search ends by itself, after a quarter of the \
                 cells at most; leave one of the two out",
            ));
        }
        let tolerance = self.score_tolerance;
        if !(tolerance.is_finite() && tolerance >= 0.0) {
            return Err(wrong("score_tolerance", tolerance, "must be a number from 0 up"));
        }
        Ok(())
    }
}

/// A list of numbers: neither empty nor out of range nor with one number twice.
fn list(key: &str, values: &[usize], least: usize, most: usize) -> Result<()> {
    if values.is_empty() {
        return Err(wrong(key, "[]", "needs at least one number"));
    }
    values.iter().try_for_each(|&value| number(key, value, least, most))?;
    twice(key, values)
}

/// A list of names: neither empty nor with an unknown name nor with one twice.
fn names(key: &str, values: &[String], known: impl Fn(&str) -> bool, right: &str) -> Result<()> {
    if values.is_empty() {
        return Err(wrong(key, "[]", "needs at least one name"));
    }
    if let Some(name) = values.iter().find(|name| !known(name)) {
        return Err(wrong(key, name, &format!("is not known; choose from {right}")));
    }
    twice(key, values)
}

/// `cpu`, or `cuda:` and a number.
fn is_device(name: &str) -> bool {
    let ordinal = name.strip_prefix("cuda:").unwrap_or_default();
    let digits = !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit());
    name == "cpu" || (digits && ordinal.parse::<u16>().is_ok())
}

fn twice<T: PartialEq + Display>(key: &str, values: &[T]) -> Result<()> {
    for (i, value) in values.iter().enumerate() {
        if values[..i].contains(value) {
            return Err(wrong(key, value, "is there twice; once is enough"));
        }
    }
    Ok(())
}

fn number(key: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(wrong(key, value, &format!("must be from {least} to {most}")))
}

fn length(key: &str, value: Nanos, least: Nanos) -> Result<()> {
    if (least..=LONGEST).contains(&value) {
        return Ok(());
    }
    let (least, most) = (span::write(least), span::write(LONGEST));
    Err(wrong(key, span::write(value), &format!("must be from {least} to {most}")))
}

fn wrong(key: &str, value: impl Display, right: &str) -> Error {
    Error::invalid(format!("`{key}`"), format!("{value} {right}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["native", "null"];

    #[test]
    fn the_defaults_are_sound() {
        Sweep::default().check(&KNOWN).unwrap();
    }

    #[test]
    fn a_wrong_value_is_named_with_its_key_and_what_is_right() {
        for (text, says) in [
            ("batch_sizes = [8, 0]", "`batch_sizes`: 0 must be from 1 to 65536"),
            ("batch_sizes = [100000]", "`batch_sizes`: 100000 must be from 1 to 65536"),
            ("instances = [0]", "`instances`: 0 must be from 1 to 1024"),
            ("instances = []", "`instances`: [] needs at least one number"),
            ("threads = []", "`threads`: [] needs at least one number"),
            ("threads = [2, 0, 2]", "`threads`: 2 is there twice; once is enough"),
            ("rounds = 0", "`rounds`: 0 must be from 1 to 1000"),
            ("images = 0", "`images`: 0 must be from 1 to 1000000"),
            ("check_images = 0", "`check_images`: 0 must be from 1 to 1000000"),
            ("queue = 0", "`queue`: 0 must be from 1 to 1024"),
            ("window = \"0\"", "`window`: 0ns must be from 1ns to 60m"),
            ("window = \"2h\"", "`window`: 120m must be from 1ns to 60m"),
            ("warmup_window = \"0\"", "`warmup_window`: 0ns must be from 1ns to 60m"),
            ("warmup_min = \"2s\"\nwarmup_max = \"1s\"", "`warmup_max`: 1s must be from 2s to 60m"),
            ("score_tolerance = -1.0", "`score_tolerance`: -1 must be a number from 0 up"),
            ("score_tolerance = nan", "`score_tolerance`: NaN must be a number from 0 up"),
            ("backends = [\"cuda\"]", "`backends`: cuda is not known; choose from native, null"),
            ("backends = [\"null\", \"null\"]", "`backends`: null is there twice; once is enough"),
        ] {
            let config = Sweep::parse(text, "a.toml").unwrap();
            assert_eq!(config.check(&KNOWN).unwrap_err().to_string(), says);
        }
    }

    #[test]
    fn names_that_are_none_are_refused_with_those_that_are() {
        for (text, says) in [
            ("devices = ['gpu']", "`devices`: gpu is not known; choose from cpu, or cuda:N for"),
            ("devices = ['cuda:']", "`devices`: cuda: is not known"),
            ("devices = ['cuda:x']", "`devices`: cuda:x is not known"),
            ("devices = ['cuda:99999']", "`devices`: cuda:99999 is not known"),
            ("devices = []", "`devices`: [] needs at least one name"),
            ("devices = ['cpu', 'cpu']", "`devices`: cpu is there twice"),
            ("precisions = ['fp32']", "`precisions`: fp32 is not known; choose from f32, tf32,"),
            ("staging = ['heap']", "`staging`: heap is not known; choose from auto, pageable, pin"),
            ("scenarios = []", "`scenarios`: [] needs at least one name"),
            ("sessions = [0]", "`sessions`: 0 must be from 1 to 64"),
            ("max_rounds = 0", "`max_rounds`: 0 must be from 1 to 1000"),
            ("budget = '25h'", "`budget`: 1500m must be a day at most"),
            ("max_delay = '2h'", "`max_delay`: 120m must be from 0ns to 60m"),
            ("budget = '5m'\nsearch = true", "`search`: true does not go with a `budget`"),
        ] {
            let said = Sweep::parse(text, "a.toml").unwrap().check(&KNOWN).unwrap_err().to_string();
            assert!(said.starts_with(says), "{said}");
        }
        let sound = "devices = ['cpu', 'cuda:0', 'cuda:11']\nprecisions = ['f16']\nbudget = '24h'";
        Sweep::parse(sound, "a.toml").unwrap().check(&KNOWN).unwrap();
    }

    #[test]
    fn threads_zero_and_no_warmup_can_be_meant() {
        let text = "threads = [0, 1]\nwarmup_min = \"0\"\nwarmup_max = \"0\"\n";
        Sweep::parse(text, "a.toml").unwrap().check(&KNOWN).unwrap();
    }
}
