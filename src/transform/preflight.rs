//! What can be found out before any work is done: all of it, and before anything is made.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::engine::output_key;
use super::findings::Findings;
use super::handler::{Handler, check_media_types};
use super::job::{Finding, Progress, Wishes};
use super::plan::Plan;
use super::record::{JobRecord, Jobs};
use super::request;
use super::resume;
use super::source::{self, Source};
use super::terms::{CompressionType, Partition, SplitType};
use crate::config::MAX_INSTANCES;
use crate::error::{Error, Result};
use crate::pipeline::sayable;
use crate::store::{Body, Location, Store};
use crate::units::counted;
use crate::{backend, batching, units};

/// Objects of a folder whose sizes are looked at before every job; a dry run looks at all of them.
const LOOKED_AT: usize = 1000;
/// The longest key that S3, Google's and Azure's stores hold, in bytes.
const LONGEST_KEY: usize = 1024;

/// A job that can be run.
pub(super) struct Ready {
    /// What instances are told.
    pub(super) plan: Plan,
    /// Its objects.
    pub(super) source: Source,
    /// Where its outputs go.
    pub(super) output: Store,
    /// Where its record and its lists go.
    pub(super) jobs: Jobs,
    /// The job that is gone on with.
    pub(super) earlier: Option<JobRecord>,
    /// What was found; all of it was said.
    pub(super) findings: Vec<Finding>,
    /// A model that was fetched; the file goes with this.
    _model: Option<NamedTempFile>,
}

/// Checks a job, finds its objects and says what was found.
///
/// # Errors
/// The last of all that keep the job from being run; the others were said.
pub(super) fn check(
    record: &JobRecord,
    wishes: Wishes,
    handler: &dyn Handler,
    observe: &mut dyn FnMut(Progress),
) -> Result<Ready> {
    let mut found = Findings::default();
    let mut plan = request::plan(&record.request, &record.local)?;
    look_at_words(&plan, wishes, handler, &mut found);
    let model = found.keep(fetch_model(&mut plan)).flatten();
    if found.sound() {
        found.keep(handler.model_fn(plan.model_file.as_deref()));
    }
    let sizes = wishes.dry_run || plan.partition == Partition::SizeBalanced;
    let source = found.keep(Source::find(&plan.input, plan.data_type, sizes));
    let location = found.keep(Location::parse(&plan.output));
    let apart = found.keep(source.as_ref().map_or(Ok(()), |source| match &location {
        Some(output) => apart(source, output),
        None => Ok(()),
    }));
    if let Some(source) = &source {
        source.warnings.iter().for_each(|text| found.warn(text));
        look_at_objects(&plan, source, &mut found);
    }
    let (mut output, mut jobs, mut earlier) = (None, None, None);
    let mut trial = Trial::default();
    if let (Some(location), Some(source), Some(())) = (&location, &source, apart) {
        look_at_outputs(&plan, source, location, &mut found);
        trial.begin(location);
        output = found.keep(Store::create(location));
        if let Some(output) = &output {
            // What killed processes left goes before anything new comes.
            found.keep(output.sweep());
        }
        jobs = found.keep(Jobs::open(location));
        if output.as_ref().is_some_and(Store::counts_only) && wishes.resume {
            found.refuse(Error::invalid(
                format!("output {location}"),
                "it keeps nothing, so that no job there can be gone on with; leave --resume out",
            ));
        }
        if let Some(jobs) = &jobs {
            earlier = found.keep(resume::earlier(jobs, record, wishes)).flatten();
        }
    }
    if wishes.dry_run || !found.sound() {
        drop(trial);
    } else {
        trial.made.clear();
    }
    let findings = found.say(observe)?;
    match (source, output, jobs) {
        (Some(source), Some(output), Some(jobs)) => {
            Ok(Ready { plan, source, output, jobs, earlier, findings, _model: model })
        }
        _ => Err(Error::Bug("a job without input or output was found sound".into())),
    }
}

impl Ready {
    /// The key of an object, by its number. After those of the listing come those that cannot be
    /// asked for.
    pub(super) fn key(&self, object: usize) -> &str {
        let objects = &self.source.objects;
        match object.checked_sub(objects.len()) {
            None => objects.key(object),
            Some(at) => &objects.unnameable()[at],
        }
    }

    /// The key of its output.
    pub(super) fn output_key(&self, object: usize) -> String {
        output_key(self.plan.output_keys, &self.source.base, self.key(object))
    }

    /// How many objects there are.
    pub(super) fn objects(&self) -> usize {
        self.source.objects.len() + self.source.objects.unnameable().len()
    }

    /// Their bytes, where they are known.
    pub(super) fn bytes(&self) -> Option<u64> {
        let objects = &self.source.objects;
        (0..objects.len()).try_fold(0u64, |sum, i| Some(sum.saturating_add(objects.size(i)?)))
    }
}

/// What can be seen without looking at any store.
fn look_at_words(plan: &Plan, wishes: Wishes, handler: &dyn Handler, found: &mut Findings) {
    if plan.instances == 0 {
        found.refuse(Error::invalid("instance count", "0 instances do nothing; give at least 1"));
    }
    if plan.instances > MAX_INSTANCES {
        found.refuse(Error::invalid(
            format!("instance count {}", plan.instances),
            format!("more than {MAX_INSTANCES} processes on one machine cannot be meant"),
        ));
    }
    if wishes.compare && wishes.resume {
        found.refuse(Error::invalid(
            "--compare",
            "it measures whole jobs, and a resumed one is a part of one; leave --resume out",
        ));
    }
    found.keep(batching::Policy::new(plan.max_batch, plan.max_delay(), plan.preferred.clone()));
    found.keep(backend::by_name(&plan.backend));
    found.keep(check_media_types(handler, &plan.content_type, &plan.accept));
    found.keep(plan.processing());
}

/// Says where the model lies on this machine, once it does.
fn fetch_model(plan: &mut Plan) -> Result<Option<NamedTempFile>> {
    let Some(uri) = &plan.model else { return Ok(None) };
    if let Some(path) = source::path(uri)? {
        sayable(&path)?;
        plan.model_file = Some(path);
        return Ok(None);
    }
    let (base, key) = source::split(uri)?;
    // What kind of model it is, is seen by its name as well.
    let ending = Path::new(&key).file_name().and_then(|name| name.to_str()).unwrap_or("model");
    let mut file = tempfile::Builder::new()
        .prefix("plimsoll-")
        .suffix(&format!("-{ending}"))
        .tempfile()
        .map_err(|source| Error::io("create", std::env::temp_dir(), source))?;
    let mut fetched = Ok(());
    Store::open(&base)?.read_all(&[&key], 0, &mut |_, body| {
        let copied = body.map(|body| match body {
            Body::Whole(bytes) => file.write_all(bytes),
            Body::Stream { bytes, .. } => std::io::copy(bytes, &mut file).map(drop),
        });
        fetched = copied.and_then(|copied| {
            copied.map_err(|why| Error::malformed(uri, format!("it cannot be fetched: {why}")))
        });
    });
    fetched?;
    plan.model_file = Some(file.path().to_owned());
    Ok(Some(file))
}

/// An output below the input would be the next run's input; so would the job's record.
fn apart(source: &Source, output: &Location) -> Result<()> {
    let refuse = |reason: &str| Err(Error::invalid(format!("output {output}"), reason));
    let folder = output.folder().is_some();
    let Some(start) = &source.prefix else {
        // A manifest names its objects, so that only the outputs of one can be objects of it.
        let named = |i: usize| source.objects.key(i).ends_with(".out");
        let clash = *output == source.base && (0..source.objects.len()).any(named);
        return if clash {
            refuse("objects of the manifest that end in .out may be outputs; choose another place")
        } else {
            Ok(())
        };
    };
    for place in [output.clone(), Jobs::beside(output)] {
        let within = source.base.holds(&place) && below(&source.base, &place).starts_with(start);
        if within && folder {
            return refuse(
                "it lies in the input folder, so its outputs would be objects of the next run; \
                 choose a folder outside",
            );
        }
        if within {
            return refuse(
                "it lies below the input's prefix, so its outputs would be objects of the next \
                 run; choose a place outside",
            );
        }
    }
    Ok(())
}

/// What keys of `place` begin with, seen from a base that holds it.
fn below(base: &Location, place: &Location) -> String {
    let (Some(base_folder), Some(folder)) = (base.folder(), place.folder()) else {
        return place.key().strip_prefix(base.key()).unwrap_or_default().to_owned();
    };
    let real = |path: &Path| {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let there = whole.ancestors().find_map(|up| Some((up, up.canonicalize().ok()?)));
        there.map_or(whole.clone(), |(up, real)| {
            whole.strip_prefix(up).map_or(whole.clone(), |rest| real.join(rest))
        })
    };
    let rest = real(folder).strip_prefix(real(base_folder)).map(Path::to_owned).unwrap_or_default();
    format!("{}/", rest.display())
}

/// What objects alone say.
fn look_at_objects(plan: &Plan, source: &Source, found: &mut Findings) {
    let objects = &source.objects;
    let whole = plan.split == SplitType::None && plan.compression == CompressionType::None;
    if let Some(limit) = plan.max_payload_bytes.filter(|_| whole) {
        let known = (0..objects.len()).all(|i| objects.size(i).is_some());
        let looked_at = if known { objects.len() } else { objects.len().min(LOOKED_AT) };
        let sizes: Vec<Option<u64>> = if known {
            Vec::new()
        } else {
            let keys: Vec<&str> = (0..looked_at).map(|i| objects.key(i)).collect();
            let sizes = Store::open(&source.base).map(|store| store.sizes_of(&keys));
            sizes.unwrap_or_default().into_iter().map(|size| size.ok().flatten()).collect()
        };
        let size = |i: usize| objects.size(i).or_else(|| sizes.get(i).copied().flatten());
        let large = |&i: &usize| size(i).is_some_and(|size| size > limit);
        let first = (0..looked_at).find(large);
        if let (Some(first), n @ 1..) = (first, (0..looked_at).filter(large).count()) {
            found.warn(format!(
                "{} larger than a payload may be, {}, and will fail: the first is {} of {}; raise \
                 --max-payload-mb (0 is any size), or cut it by --split-type",
                if n == 1 {
                    "1 object is".into()
                } else {
                    format!("{} objects are", units::count(n as u64))
                },
                units::bytes(limit),
                objects.key(first),
                units::bytes(size(first).unwrap_or_default()),
            ));
        }
    }
}

/// What the outputs will be called.
fn look_at_outputs(plan: &Plan, source: &Source, output: &Location, found: &mut Findings) {
    let objects = &source.objects;
    let name = |i: usize| output_key(plan.output_keys, &source.base, objects.key(i));
    if output.folder().is_some() {
        // What is a file for one output would have to be a folder for another.
        for i in (0..objects.len()).filter(|&i| objects.key(i).contains(".out/")) {
            let key = objects.key(i);
            let within = key.match_indices(".out/").find_map(|(at, _)| objects.find(&key[..at]));
            if let Some(other) = within {
                found.refuse(Error::invalid(
                    format!("output {output}"),
                    format!(
                        "the output of {} would be a file in the place of the folder that the \
                         output of {key} needs; rename one of the two",
                        objects.key(other)
                    ),
                ));
                return;
            }
        }
        return;
    }
    let room = LONGEST_KEY.saturating_sub(output.key().len());
    let mut long = (0..objects.len()).filter(|&i| {
        // Most keys are short enough whatever is put before them.
        objects.key(i).len() + source.base.key().len() + 4 > room && name(i).len() > room
    });
    if let Some(first) = long.next() {
        found.warn(format!(
            "the outputs of {} would have keys longer than 1,024 bytes and will fail: the first \
             is that of {}; choose a shorter --output",
            counted(1 + long.count(), "object"),
            objects.key(first),
        ));
    }
}

/// Folders that a check has made. They go when the job is not run.
#[derive(Default)]
struct Trial {
    made: Vec<PathBuf>,
}

impl Trial {
    /// Notes which folders of a place are not there yet.
    fn begin(&mut self, place: &Location) {
        let Some(folder) = place.folder() else { return };
        let missing = folder.ancestors().take_while(|up| *up != Path::new("") && !up.exists());
        self.made = missing.map(Path::to_owned).collect();
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        for folder in &self.made {
            // One that someone has put something into meanwhile stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// What is said of a name that cannot be asked for.
pub(super) fn unnameable(source: &Source) -> &'static str {
    match source.base.folder() {
        Some(_) => "its name is not UTF-8; rename it",
        None => "its key cannot be asked for as it is; rename it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Listing;
    use crate::transform::record::fixture;

    fn source(base: &str, prefix: Option<&str>, keys: &[&str]) -> Source {
        let mut objects = Listing::default();
        keys.iter().for_each(|key| objects.push(key, Some(key.len() as u64)).unwrap());
        Source {
            base: Location::parse(base).unwrap(),
            objects: objects.finish(),
            prefix: prefix.map(str::to_owned),
            warnings: Vec::new(),
        }
    }

    fn plan() -> Plan {
        let record = fixture::record("a");
        request::plan(&record.request, &record.local).unwrap()
    }

    fn said(look: impl FnOnce(&mut Findings)) -> Vec<String> {
        let mut found = Findings::default();
        look(&mut found);
        let mut said = Vec::new();
        let last = found.say(&mut |progress| {
            let Progress::Found(finding) = progress else { return };
            said.push(finding.text);
        });
        said.extend(last.err().map(|error| error.to_string()));
        said
    }

    #[test]
    fn an_output_that_the_prefix_takes_in_is_refused_and_a_sibling_is_not() {
        for (base, start, output, refused) in [
            ("s3://b/in/", "", "s3://b/in/out", true),
            ("s3://b/in/", "", "s3://b/in", true),
            ("s3://b/in/", "", "s3://b/out", false),
            ("s3://b/in/", "", "s3://other/in/out", false),
            ("s3://b/in/", "", "gs://b/in/out", false),
            ("s3://b/", "", "s3://b/out", true),
            ("s3://b/", "in", "s3://b/in-out", true),
            ("s3://b/", "in/", "s3://b/in-out", false),
            ("s3://b/", "in", "s3://b/out", false),
            ("s3://b/", "out.p", "s3://b/out", true),
            ("/data/", "in", "/data/in/out", true),
            ("/data/", "in", "/data/out", false),
            ("/data/in", "", "/data/in/deep/out", true),
            ("/data/in", "", "/data/in-out", false),
        ] {
            let source = source(base, Some(start), &["x"]);
            let outcome = apart(&source, &Location::parse(output).unwrap());
            assert_eq!(outcome.is_err(), refused, "{base} {start} {output}");
        }
    }

    #[test]
    fn a_manifest_may_have_its_outputs_beside_its_objects_unless_they_are_mistaken_for_such() {
        let output = Location::parse("s3://b/in").unwrap();
        assert!(apart(&source("s3://b/in/", None, &["1.png"]), &output).is_ok());
        assert!(apart(&source("s3://b/in/", None, &["1.png", "1.png.out"]), &output).is_err());
    }

    #[test]
    fn outputs_whose_keys_are_too_long_for_a_bucket_are_known_beforehand() {
        let output = Location::parse("s3://bucket/out").unwrap();
        let room = 1024 - "out/".len() - ".out".len();
        let (fits, long) = ("a".repeat(room), "b".repeat(room + 1));
        let source = source("s3://bucket/in/", Some(""), &[&fits, &long]);
        let said = said(|found| look_at_outputs(&plan(), &source, &output, found));
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("the outputs of 1 object would have keys longer"), "{said:?}");
        assert!(said[0].contains(&long), "{said:?}");
    }

    #[test]
    fn objects_over_the_payload_limit_are_counted_unless_they_are_cut_or_unpacked() {
        let source = source("s3://b/", Some(""), &["1", "22", "333", "4444"]);
        let plan = Plan { max_payload_bytes: Some(2), ..plan() };
        let warned = said(|found| look_at_objects(&plan, &source, found));
        assert_eq!(warned.len(), 1);
        assert!(warned[0].starts_with("2 objects are larger than a payload may be, 2 B"));
        assert!(warned[0].contains("the first is 333 of 3 B;"), "{warned:?}");
        for plan in [
            Plan { split: SplitType::Line, ..plan.clone() },
            Plan { compression: CompressionType::Gzip, ..plan.clone() },
            Plan { max_payload_bytes: None, ..plan.clone() },
            Plan { max_payload_bytes: Some(4), ..plan },
        ] {
            assert!(said(|found| look_at_objects(&plan, &source, found)).is_empty());
        }
    }

    #[test]
    fn what_a_check_has_made_goes_and_what_was_there_stays() {
        let root = tempfile::tempdir().unwrap();
        let there = root.path().join("there");
        fs::create_dir(&there).unwrap();
        let mut trial = Trial::default();
        trial.begin(&Location::parse(there.join("a/b").to_str().unwrap()).unwrap());
        fs::create_dir_all(there.join("a/b")).unwrap();
        drop(trial);
        assert!(there.exists() && !there.join("a").exists());
    }
}
