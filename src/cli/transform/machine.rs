//! The flags that the API has no word for.

use crate::cli::values;
use crate::transform::Wishes;
use crate::transform::request::Local;
use crate::transform::terms::{OutputKeys, Partition, Preprocess};
use crate::units::{self, Nanos};

/// How this machine runs the job.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "This machine")]
pub(super) struct MachineFlags {
    /// What runs the model; `plimsoll doctor` lists those that work here. Without it, the fastest
    /// on a CPU.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,

    /// The model that the request's ModelName means: model.tar.gz, safetensors, a PyTorch
    /// state_dict (.pth) or TorchScript (.pt). Without it, the weights that come with Plimsoll.
    #[arg(long, value_name = "URI", value_parser = values::uri())]
    model: Option<String>,

    /// Most images that go through the model together [default: 256]. Larger batches use the
    /// processor better until they outgrow its cache.
    #[arg(long, value_name = "B", value_parser = values::count)]
    max_batch: Option<usize>,

    /// How long an image waits for others to fill its batch [default: 10ms]. Only the last batches
    /// and slow inputs ever wait.
    #[arg(long, value_name = "TIME", value_parser = units::parse_span)]
    max_delay: Option<Nanos>,

    /// Batch sizes that close a batch at once, without waiting for a full one.
    #[arg(long, value_name = "B,..", value_delimiter = ',', value_parser = values::count)]
    preferred: Option<Vec<usize>>,

    /// How objects are shared out among instances [default: round-robin]. key-order gives each a
    /// contiguous run of keys; size-balanced asks for every object's size first and evens them.
    #[arg(long, value_name = "WAY")]
    partition: Option<Partition>,

    /// Let one forward pass carry images of many objects, which is fastest with small ones; this
    /// is the default. Outputs are the same as without.
    #[arg(long, overrides_with = "faithful")]
    coalesce: bool,

    /// Run each request by itself, as SageMaker does: no batch has images of two objects.
    #[arg(long, overrides_with = "coalesce")]
    faithful: bool,

    /// What is done to pixels [default: normalise, as in training]. to-tensor leaves that out, as
    /// the SageMaker notebook's handler does, and costs accuracy.
    #[arg(long, value_name = "HOW")]
    preprocess: Option<Preprocess>,

    /// Go on with a job that was stopped, killed or failed, and leave objects alone that have
    /// their outputs. Without --job-name the latest one that has not completed; what is not given
    /// is as it was. --output alone is enough.
    #[arg(long)]
    pub(super) resume: bool,

    /// Check everything that can be checked beforehand, say what would be run, and run nothing.
    #[arg(long)]
    dry_run: bool,

    /// Run the job twice, first with --faithful and then with --coalesce, check that the outputs
    /// are the same, and say both rates. Takes as long as both.
    #[arg(long, conflicts_with_all = ["dry_run", "resume", "coalesce", "faithful"])]
    compare: bool,
}

impl MachineFlags {
    /// What the flags say, over what was said before.
    pub(super) fn over(self, before: Local) -> Local {
        let Self { backend, max_batch, max_delay, preferred, partition, preprocess, .. } = self;
        Local {
            backend: backend.unwrap_or(before.backend),
            model: self.model.or(before.model),
            partition: partition.unwrap_or(before.partition),
            coalesce: self.coalesce || (before.coalesce && !self.faithful),
            max_batch: max_batch.unwrap_or(before.max_batch),
            max_delay_ns: max_delay.map_or(before.max_delay_ns, |span| span.0),
            preferred: preferred.unwrap_or(before.preferred),
            preprocess: preprocess.unwrap_or(before.preprocess),
            ..before
        }
    }

    /// How the job is to be run, beside what it is.
    pub(super) fn wishes(&self) -> Wishes {
        Wishes { resume: self.resume, dry_run: self.dry_run, compare: self.compare }
    }
}

/// What is written, and what is said of it.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputFlags {
    /// Write the ten probabilities beside each digit.
    #[arg(long)]
    probabilities: bool,

    /// What outputs are called: relative to the directory part of the input's prefix, which is the
    /// default, or by the objects' full keys.
    #[arg(long, value_name = "WAY")]
    output_keys: Option<OutputKeys>,

    /// Print the summary as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl OutputFlags {
    /// What the flags say, over what was said before.
    pub(super) fn over(&self, before: Local) -> Local {
        Local {
            probabilities: self.probabilities || before.probabilities,
            output_keys: self.output_keys.unwrap_or(before.output_keys),
            ..before
        }
    }
}
