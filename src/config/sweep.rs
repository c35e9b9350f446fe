//! The keys of a sweep.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::refusal::refusal;
use super::span;
use crate::error::{Error, Result};
use crate::units::Nanos;

/// What a sweep measures, and how carefully. Each key is explained in `configs/default.toml`,
/// which holds the same values as [`Sweep::default`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sweep {
    /// Backends to compare; empty for all that this build has but `null`.
    pub backends: Vec<String>,
    /// Where the models run: `cpu`, or `cuda:N`.
    pub devices: Vec<String>,
    /// Arithmetic: `f32`.
    pub precisions: Vec<String>,
    /// Memory that batches are staged in: `auto`, `pageable`, or `pinned`.
    pub staging: Vec<String>,
    /// What is issued: `offline`, `closed:N` or `server:R`, as `record::Scenario` reads them. This
    /// layer keeps them as text; the grid reads them.
    pub scenarios: Vec<String>,
    /// Worker processes, each with an equal share of the cores.
    pub instances: Vec<usize>,
    /// Largest batches, in images.
    pub batch_sizes: Vec<usize>,
    /// Sessions on each device of an instance, side by side.
    pub sessions: Vec<usize>,
    /// Threads of one forward pass; 0 for an equal share of the instance's cores for each session.
    pub threads: Vec<usize>,
    /// Passes over all cells, each in a freshly shuffled order.
    pub rounds: usize,
    /// Passes at most: those after `rounds` are over the cells alone whose interval is too wide.
    pub max_rounds: usize,
    /// Time that the run may take, set-up included; 0 for as long as it needs.
    #[serde(with = "span")]
    pub budget: Nanos,
    /// Look for the best cell instead of measuring them all.
    pub search: bool,
    /// How long a cell is measured in each round.
    #[serde(with = "span")]
    pub window: Nanos,
    /// The shortest warm-up.
    #[serde(with = "span")]
    pub warmup_min: Nanos,
    /// The longest warm-up, settled or not.
    #[serde(with = "span")]
    pub warmup_max: Nanos,
    /// Length of the windows whose throughput is compared to see whether it has settled.
    #[serde(with = "span")]
    pub warmup_window: Nanos,
    /// Distinct images that are cycled.
    pub images: usize,
    /// Images whose predictions are compared with the reference's.
    pub check_images: usize,
    /// Largest difference of a log-probability from the reference's.
    pub score_tolerance: f64,
    /// How long a request may wait for others to fill its batch, where requests come one by one.
    #[serde(with = "span")]
    pub max_delay: Nanos,
    /// Batches that may wait between the feeder and the model.
    pub queue: usize,
    /// Seed of the order of cells, of the intervals, and of synthetic images.
    pub seed: u64,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            backends: Vec::new(),
            devices: vec!["cpu".into()],
            precisions: vec!["f32".into()],
            staging: vec!["auto".into()],
            scenarios: vec!["offline".into()],
            instances: vec![1, 2],
            batch_sizes: vec![1, 8, 32, 128, 256, 512],
            sessions: vec![1],
            threads: vec![0],
            rounds: 5,
            max_rounds: 6,
            budget: Nanos(0),
            search: false,
            window: Nanos(700_000_000),
            warmup_min: Nanos(200_000_000),
            warmup_max: Nanos(800_000_000),
            warmup_window: Nanos(100_000_000),
            images: 10_000,
            check_images: 1_000,
            score_tolerance: 1e-3,
            max_delay: Nanos(1_000_000),
            queue: 4,
            seed: 1,
        }
    }
}

impl Sweep {
    /// Reads a file. Keys that it leaves out keep their defaults. Call [`Sweep::check`] after the
    /// overrides.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read; [`Error::Invalid`] for one that is not TOML,
    /// or has an unknown key or a value of the wrong kind, with its line.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads the text of a file; `name` is what an error calls it.
    ///
    /// # Errors
    /// As [`Sweep::read`].
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| refusal(&error, text, name))
    }

    /// The whole configuration as TOML, to be kept with the results.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers, texts and lists fit into TOML; this is a bug")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Sweep::parse(text, "a.toml").unwrap_err().to_string()
    }

    #[test]
    fn the_manual_holds_the_defaults_and_every_key() {
        let manual = include_str!("../../configs/default.toml");
        assert_eq!(Sweep::parse(manual, "default.toml").unwrap(), Sweep::default());
        // A key left out of the file would keep its default and go unnoticed above.
        let keys: toml::Table = Sweep::default().to_toml().parse().unwrap();
        let said: toml::Table = manual.parse().unwrap();
        assert_eq!(
            said.keys().collect::<Vec<_>>(),
            keys.keys().collect::<Vec<_>>(),
            "the keys of configs/default.toml are not those of the code"
        );
    }

    #[test]
    fn every_shipped_configuration_is_read_and_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        let mut read = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // The catalogue of machine types is no sweep.
            if path.ends_with("instances.toml") {
                continue;
            }
            let config = Sweep::read(&path).unwrap();
            config.check(&["torch", "torch-eager", "native", "null"]).unwrap();
            read += 1;
        }
        assert!(read >= 4, "{read} files");
    }

    #[test]
    fn a_key_left_out_keeps_its_default() {
        let config = Sweep::parse("rounds = 7\nwindow = \"2s\"\n", "a.toml").unwrap();
        let defaults = Sweep::default();
        assert_eq!(config, Sweep { rounds: 7, window: Nanos(2_000_000_000), ..defaults });
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_known_ones() {
        let text = refusal("rounds = 3\n\nbatch = [1]\n");
        assert!(text.starts_with("a.toml, line 3: unknown field `batch`"), "{text}");
        assert!(text.contains("`batch_sizes`"), "{text}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_with_its_line() {
        for (text, line, says) in [
            ("rounds = -1", 1, "-1"),
            ("rounds = \"many\"", 1, "many"),
            ("seed = 1\nwindow = 250", 2, "250"),
            ("window = \"250\"", 1, "write 500us, 2ms"),
            ("warmup_min = \"-2ms\"", 1, "not a span of time"),
            ("batch_sizes = 8", 1, "8"),
            ("rounds = ", 1, ""),
        ] {
            let said = refusal(text);
            assert!(said.starts_with(&format!("a.toml, line {line}: ")), "{said}");
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Sweep::read(Path::new("/no/such/sweep.toml")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read /no/such/sweep.toml"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let config = Sweep { backends: vec!["native".into()], seed: 9, ..Sweep::default() };
        assert_eq!(Sweep::parse(&config.to_toml(), "a.toml").unwrap(), config);
    }
}
