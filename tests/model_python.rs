//! Weights to and from the real PyTorch.
//!
//! Needs a Python with torch: `PLIMSOLL_PYTHON`, the one that libtorch came with, or `python3`.
//! With none of these the test says so and passes.

use std::path::{Path, PathBuf};
use std::process::Command;

use plimsoll::model::{self, Metadata, PARAMETERS, Weights};

/// The Net, and small helpers for both scripts.
const NET: &str = r#"
import os, sys
from array import array
import torch
from torch import nn
from torch.nn import functional as F

folder = sys.argv[1]

def at(name):
    return os.path.join(folder, name)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = torch.relu(F.max_pool2d(self.conv1(x), 2))
        x = torch.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = torch.relu(self.fc1(x.reshape(-1, 320)))
        x = F.dropout(x, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)

def raw(state):
    values = [number for tensor in state.values() for number in tensor.flatten().tolist()]
    return array("f", values).tobytes()
"#;

/// Writes the Net in every way that Plimsoll reads, and some that it refuses.
const MAKE: &str = r#"
torch.manual_seed(7)
net = Net().eval()
# Values that half precision holds, so that every file has the same ones.
with torch.no_grad():
    for parameter in net.parameters():
        parameter.copy_(parameter.bfloat16().half().float())
state = net.state_dict()
with open(at("want.bin"), "wb") as file:
    file.write(raw(state))

torch.save(state, at("ordered.pth"))
torch.save(dict(state), at("dict.pth"))
torch.save(nn.DataParallel(net).state_dict(), at("parallel.pth"))
torch.save({k: nn.Parameter(v) for k, v in state.items()}, at("parameters.pth"))
for name, kind in ("half", torch.float16), ("bfloat", torch.bfloat16), ("double", torch.float64):
    torch.save({k: v.to(kind) for k, v in state.items()}, at(name + ".pth"))

# What optimizers' own state_dict looks like: numbers for keys, and tensors of its own.
optimizer = {"state": {0: {"momentum_buffer": torch.zeros(10, 1, 5, 5)}},
             "param_groups": [{"lr": 0.01, "nesterov": False, "params": list(range(8))}]}
for key in "state_dict", "model_state_dict":
    torch.save({"epoch": 3, "loss": 0.25, "optimizer": optimizer, key: state},
               at(key + ".pth"))

# Every tensor transposed in memory; every tensor a view into one storage.
torch.save({k: v.permute(*reversed(range(v.dim()))).contiguous()
                .permute(*reversed(range(v.dim()))) for k, v in state.items()}, at("strides.pth"))
flat = torch.cat([torch.zeros(3)] + [v.flatten() for v in state.values()])
views, start = {}, 3
for key, value in state.items():
    views[key] = flat[start:start + value.numel()].view(value.shape)
    start += value.numel()
torch.save(views, at("views.pth"))

scripted = torch.jit.script(net)
scripted.save(at("scripted.pt"))
torch.jit.trace(net, torch.zeros(1, 1, 28, 28)).save(at("traced.pt"))
torch.jit.freeze(scripted).save(at("frozen.pt"))

torch.save(net, at("whole.pth"))
torch.save(state, at("legacy.pth"), _use_new_zipfile_serialization=False)
torch.save({**state, "fc2.bias": torch.full((10,), float("nan"))}, at("nan.pth"))
torch.save({**state, "fc1.weight": torch.zeros(320, 50)}, at("shape.pth"))
torch.save({k: v for k, v in state.items() if k != "conv2.bias"}, at("missing.pth"))
torch.save({**state, "fc3.bias": torch.zeros(10)}, at("extra.pth"))
torch.save({**state, "fc2.bias": torch.zeros(10, dtype=torch.int64)}, at("integers.pth"))

class Harm:
    def __reduce__(self):
        return os.mkdir, (at("harm"),)

torch.save({**state, "harm": Harm()}, at("harm.pth"))
"#;

/// Reads what Plimsoll wrote.
const CHECK: &str = r#"
import tarfile
with tarfile.open(at("ours.tar.gz")) as archive:
    names = archive.getnames()
    assert names == ["model.pth", "model.safetensors"], names
    with open(at("unpacked.pth"), "wb") as file:
        file.write(archive.extractfile("model.pth").read())
want = open(at("ours.bin"), "rb").read()
for name in "ours.pth", "unpacked.pth":
    state = torch.load(at(name), weights_only=True)
    assert raw(state) == want, name
    assert all(value.is_contiguous() for value in state.values()), name
    Net().load_state_dict(state)
    mapped = torch.load(at(name), weights_only=True, mmap=True)
    assert raw(mapped) == want, name

# The trap is live: whoever unpickles it springs it.
assert not os.path.exists(at("harm")), "the pickle was executed"
torch.load(at("harm.pth"), weights_only=False)
assert os.path.isdir(at("harm")), "the trap is none"
"#;

/// Interpreters that may have torch, the first to be tried first.
fn candidates() -> Vec<PathBuf> {
    if let Some(python) = std::env::var_os("PLIMSOLL_PYTHON") {
        return vec![python.into()];
    }
    // The wheel's libtorch lies at lib/python3.x/site-packages/torch of its environment.
    let link = Path::new(env!("CARGO_MANIFEST_DIR")).join(".libtorch");
    let torch = std::env::var_os("LIBTORCH").map(PathBuf::from);
    let beside = torch.into_iter().chain([link]).filter_map(|torch| {
        let python = torch.canonicalize().ok()?.ancestors().nth(4)?.join("bin/python");
        python.exists().then_some(python)
    });
    beside.chain(["python3".into()]).collect()
}

/// The first interpreter that imports torch, or why none does.
fn python() -> Result<PathBuf, String> {
    let mut reasons = Vec::new();
    for python in candidates() {
        match Command::new(&python).args(["-c", "import torch"]).output() {
            Ok(output) if output.status.success() => return Ok(python),
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stderr).into_owned();
                let reason = text.lines().last().unwrap_or("no reason given").to_owned();
                reasons.push(format!("{}: {reason}", python.display()));
            }
            Err(error) => reasons.push(format!("{}: {error}", python.display())),
        }
    }
    Err(reasons.join("; "))
}

fn run(python: &Path, script: &str, folder: &Path) {
    // A file, because TorchScript reads the source of what it compiles.
    let file = folder.join("script.py");
    std::fs::write(&file, [NET, script].concat()).unwrap();
    let output =
        Command::new(python).args(["-W", "ignore"]).arg(&file).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn bytes(weights: &Weights) -> Vec<u8> {
    PARAMETERS.iter().flat_map(|&p| weights.get(p)).flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn weights_travel_to_pytorch_and_back() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => {
            eprintln!(
                "SKIPPED weights_travel_to_pytorch_and_back: no Python with torch \
                 ({reason}); set PLIMSOLL_PYTHON to one"
            );
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    run(&python, MAKE, folder.path());
    reads_what_pytorch_writes(&at);
    refuses_what_is_not_the_nets(&at);

    let weights = Weights::fresh(11);
    let metadata = Metadata::from([("accuracy".into(), "98.9%".into())]);
    std::fs::write(at("ours.bin"), bytes(&weights)).unwrap();
    model::save(&at("ours.pth"), &weights, &metadata).unwrap();
    model::save(&at("ours.tar.gz"), &weights, &metadata).unwrap();
    run(&python, CHECK, folder.path());
}

fn reads_what_pytorch_writes(at: &dyn Fn(&str) -> PathBuf) {
    let want = std::fs::read(at("want.bin")).unwrap();
    for (name, kind) in [
        ("ordered.pth", "PyTorch state_dict"),
        ("dict.pth", "PyTorch state_dict"),
        ("parallel.pth", "PyTorch state_dict"),
        ("parameters.pth", "PyTorch state_dict"),
        ("half.pth", "PyTorch state_dict"),
        ("bfloat.pth", "PyTorch state_dict"),
        ("double.pth", "PyTorch state_dict"),
        ("state_dict.pth", "PyTorch state_dict"),
        ("model_state_dict.pth", "PyTorch state_dict"),
        ("strides.pth", "PyTorch state_dict"),
        ("views.pth", "PyTorch state_dict"),
        ("scripted.pt", "TorchScript"),
        ("traced.pt", "TorchScript"),
    ] {
        let (weights, source) = model::load(&at(name)).unwrap();
        assert!(bytes(&weights) == want, "{name} has other values");
        assert_eq!(source, format!("{} ({kind})", at(name).display()));
    }
}

fn refuses_what_is_not_the_nets(at: &dyn Fn(&str) -> PathBuf) {
    for (name, words) in [
        ("harm.pth", "harm/data.pkl: global posix.mkdir: "),
        ("whole.pth", "whole/data.pkl: global __main__.Net: "),
        ("legacy.pth", "PyTorch file from before 1.6: "),
        ("frozen.pt", "TorchScript module: no parameters; torch.jit.freeze"),
        ("nan.pth", "tensor fc2.bias: value 0 of 10 is NaN"),
        ("shape.pth", "tensor fc1.weight: shape [320, 50], but the MNIST CNN needs [50, 320]"),
        ("missing.pth", "tensor conv2.bias: missing; the MNIST CNN needs it with shape [20]"),
        ("extra.pth", "tensor fc3.bias: not one of the MNIST CNN's eight"),
        ("integers.pth", "tensor fc2.bias: storage 7: not floating-point numbers"),
    ] {
        let error = model::load(&at(name)).unwrap_err().to_string();
        let path = at(name).display().to_string();
        let rest = error.strip_prefix(&path).unwrap_or_else(|| panic!("no path: {error}"));
        assert!(rest.starts_with(&format!(": {words}")), "{error}");
    }
}
