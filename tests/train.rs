//! `plimsoll train` as a user runs it, on a few synthetic digits.

use std::path::Path;
use std::process::Command;

use plimsoll::backend::{self, Outputs, Predictions, SessionOptions};
use plimsoll::cli::exit;
use plimsoll::data::{Source, Split};
use plimsoll::model;
use plimsoll::staging::Pool;

fn plimsoll(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(arguments).env("PLIMSOLL_OFFLINE", "1");
    command
}

/// Exit code, standard output and standard error.
fn run(arguments: &[&str]) -> (u8, String, String) {
    let output = plimsoll(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap();
    (code, text(output.stdout), text(output.stderr))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[cfg(feature = "torch")]
mod with_libtorch {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    use plimsoll::data::{digits, idx};
    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    /// A folder of IDX files with so many training images, and a tenth as many to test with.
    fn digits(train: u64) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (split, name, count) in
            [(Split::Train, "train", train), (Split::Test, "t10k", train / 10)]
        {
            let (images, labels): (Vec<_>, Vec<_>) =
                (0..count).map(|index| digits::draw(1, split, index)).unzip();
            let put = |kind: &str, bytes| {
                std::fs::write(folder.path().join(format!("{name}-{kind}")), bytes).unwrap();
            };
            put("images-idx3-ubyte", idx::write_images(&images));
            put("labels-idx1-ubyte", idx::write_labels(&labels));
        }
        folder
    }

    #[test]
    fn two_instances_train_a_model_and_would_again() {
        let (data, out) = (digits(600), tempfile::tempdir().unwrap());
        let data = data.path().to_str().unwrap();
        let mut models = Vec::new();
        for name in ["model.tar.gz", "again.tar.gz"] {
            let path = out.path().join(name);
            let (code, stdout, stderr) = run(&[
                "train",
                "--data-dir",
                data,
                "--epochs",
                "3",
                "--batch-size",
                "31",
                "--lr",
                "0.05",
                "--seed",
                "7",
                "--instance-count",
                "2",
                "--out",
                path.to_str().unwrap(),
            ]);
            assert_eq!(code, exit::OK, "{stderr}");
            for line in ["learning from", "testing on", "epoch 1: ", "epoch 3: ", "wrote"] {
                assert!(stdout.contains(line), "{line} is not in {stdout}");
            }
            let (_, words) = model::load(&path).unwrap();
            assert!(words.contains("of 60 test images of another set than MNIST"), "{words}");
            models.push(std::fs::read(&path).unwrap());
        }
        assert_eq!(models[0], models[1], "the same seed and instance count, another model");
        assert_eq!(names(out.path()).len(), 2);
    }

    #[test]
    fn an_output_that_cannot_be_written_is_found_before_the_data_is_looked_for() {
        for (out, want, text) in [
            ("/no/such/folder/model.tar.gz", exit::INPUT, "cannot write to /no/such/folder"),
            ("/tmp", exit::USAGE, "a folder; name the file"),
            ("/tmp/model.onnx", exit::USAGE, "weights are written as .tar.gz"),
        ] {
            let (code, stdout, stderr) =
                run(&["train", "--data-dir", "/no/such/data", "--out", out]);
            assert_eq!((code, stdout.as_str()), (want, ""), "{out}: {stderr}");
            assert!(stderr.contains(text), "{out}: {stderr}");
        }
    }

    #[test]
    fn ctrl_c_leaves_what_was_there() {
        let (data, out) = (digits(600), tempfile::tempdir().unwrap());
        let path = out.path().join("model.tar.gz");
        std::fs::write(&path, "the old one").unwrap();
        let data = data.path().to_str().unwrap();
        let arguments =
            ["train", "--data-dir", data, "--epochs", "10k", "--out", path.to_str().unwrap()];
        let mut child =
            plimsoll(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().starts_with("epoch 2: ")));
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        drop(lines);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit::INTERRUPTED.into()), "{stderr}");
        assert!(stderr.contains("is not written, and as it was before"), "{stderr}");
        assert_eq!(std::fs::read(&path).unwrap(), b"the old one");
        assert_eq!(names(out.path()), ["model.tar.gz"]);
    }
}

#[cfg(not(feature = "torch"))]
#[test]
fn without_libtorch_training_says_what_to_do() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("model.tar.gz");
    let (code, stdout, stderr) = run(&["train", "--synthetic", "--out", path.to_str().unwrap()]);
    assert_eq!((code, stdout.as_str()), (exit::UNAVAILABLE, ""), "{stderr}");
    assert!(stderr.contains("training is not available: this binary was built without libtorch"));
    assert!(names(out.path()).is_empty());
}

#[test]
fn an_option_that_cannot_be_meant_is_named() {
    for (option, value, text) in [
        ("--epochs", "0", "give at least 1"),
        ("--lr", "0", "learning rate 0: must be above 0"),
        ("--momentum", "1", "momentum 1: must be from 0 to below 1"),
        ("--dropout", "-0.1", "dropout -0.1: must be from 0 to below 1"),
        ("--instance-count", "65", "instance count 65: a batch of 64 leaves some"),
    ] {
        let flag = format!("{option}={value}");
        let (code, _, stderr) = run(&["train", &flag, "--out", "/no/such/folder/model.tar.gz"]);
        assert_eq!(code, exit::USAGE, "{flag}: {stderr}");
        assert!(stderr.contains(text), "{flag}: {stderr}");
    }
}

/// On every backend that reads digits.
#[test]
fn the_shipped_weights_read_as_much_of_mnist_as_they_say() {
    let Some(folder) = std::env::var_os("PLIMSOLL_MNIST_DIR") else {
        println!("skipped: PLIMSOLL_MNIST_DIR, a folder with MNIST's files, is not set");
        return;
    };
    let source = Source::find(Some(Path::new(&folder)), &[Split::Test], true).unwrap();
    let data = source.load(Split::Test).unwrap();
    let (weights, words) = model::shipped().unwrap();
    for name in backend::names() {
        let Ok(backend) = backend::by_name(name) else { continue };
        if *name == "null" {
            continue;
        }
        let options = SessionOptions {
            max_batch: 128,
            threads: 1,
            outputs: Outputs::Classes,
            precision: Default::default(),
        };
        let mut session = backend.open(&weights, &options).unwrap();
        let pool = Pool::new(&*backend.host_alloc(), 1, options.max_batch).unwrap();
        let mut predictions = Predictions::default();
        let mut correct = 0;
        for (images, labels) in data.images.chunks(128).zip(data.labels.chunks(128)) {
            let mut slot = pool.take();
            slot.fill(images);
            let ticket = session.submit(slot).unwrap();
            session.wait(ticket, &mut predictions).unwrap();
            correct += predictions.classes.iter().zip(labels).filter(|(a, b)| a == b).count();
        }
        let said = format!("{:.2}% of 10,000 MNIST test images", correct as f64 / 100.0);
        assert!(words.contains(&said), "{name}: {said}, but {words}");
        assert!(correct >= 9_850, "{name}: {correct}");
    }
}
