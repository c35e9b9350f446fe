"""What a PyTorch user would run instead of Plimsoll, to be timed beside it.

    peers.py model THREADS BATCH SECONDS          frozen TorchScript: prints images/s
    peers.py transform PNGS OUT BATCH WORKERS     DataLoader and frozen TorchScript: prints images/s
    peers.py engines THREADS SECONDS BATCH...     every engine there is: prints a line of JSON for
                                                  each, {"engine": ..., "images_per_s": {batch: ...}}

`engines` knows eager libtorch, frozen TorchScript, torch.compile, ONNX Runtime and OpenVINO, and
says which of them are not installed (pip install onnx onnxruntime openvino). `model` times the forward pass alone, on floats that lie ready. `transform` reads a folder of PNGs
and writes one {"predictions": d} for each; loading Python, torch and the model is not counted.
"""

import io
import json
import os
import sys
import time

import numpy
import torch
from PIL import Image
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    """The CNN of the SageMaker MNIST notebook."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = functional.relu(functional.max_pool2d(self.conv1(x), 2))
        x = functional.relu(functional.max_pool2d(self.drop(self.conv2(x)), 2))
        x = functional.relu(self.fc1(x.flatten(1)))
        x = self.fc2(functional.dropout(x, training=self.training))
        return functional.log_softmax(x, 1)


def frozen():
    return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.script(Net().eval())))


def rate(run, batch, seconds):
    """Images a second of a function that runs a batch."""
    for _ in range(5):
        run()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        run()
        done += batch
    return done / (time.perf_counter() - start)


def model(threads, batch, seconds):
    torch.set_num_threads(threads)
    return rate(of_torch(frozen(), batch), batch, seconds)


def of_torch(net, batch):
    images = torch.randn(batch, 1, 28, 28)

    def run():
        with torch.inference_mode():
            return net(images)

    return run


def compiled(batch):
    torch._dynamo.reset()
    return of_torch(torch.compile(Net().eval(), dynamic=False), batch)


def onnx():
    """The Net as ONNX takes it, for any batch size."""
    file = io.BytesIO()
    free = {"x": {0: "n"}, "y": {0: "n"}}
    torch.onnx.export(Net().eval(), torch.randn(1, 1, 28, 28), file, input_names=["x"], output_names=["y"],
                      dynamic_axes=free, dynamo=False)
    return file.getvalue()


def of_onnxruntime(threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx(), options, providers=["CPUExecutionProvider"])

    def of(batch):
        images = {"x": numpy.random.randn(batch, 1, 28, 28).astype(numpy.float32)}
        return lambda: session.run(None, images)

    return of


def of_openvino(threads):
    import openvino

    core, file = openvino.Core(), onnx()
    # One request at a time, in full precision, as everybody here.
    wishes = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}

    def of(batch):
        net = core.read_model(file, b"")
        net.reshape([batch, 1, 28, 28])
        request = core.compile_model(net, "CPU", wishes).create_infer_request()
        images = numpy.random.randn(batch, 1, 28, 28).astype(numpy.float32)
        request.set_input_tensor(openvino.Tensor(images, shared_memory=True))
        return request.infer

    return of


def engines(threads, seconds, batches):
    torch.set_num_threads(threads)
    eager, script = Net().eval(), frozen()
    known = {
        "torch-eager": lambda: lambda batch: of_torch(eager, batch),
        "torchscript-frozen": lambda: lambda batch: of_torch(script, batch),
        "torch-compile": lambda: compiled,
        "onnxruntime": lambda: of_onnxruntime(threads),
        "openvino": lambda: of_openvino(threads),
    }
    for name, make in known.items():
        try:
            of = make()
        except ImportError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
            continue
        rates = {batch: rate(of(batch), batch, seconds) for batch in batches}
        print(json.dumps({"engine": name, "images_per_s": rates}), flush=True)


class Folder(torch.utils.data.Dataset):
    def __init__(self, root):
        self.root, self.names = root, sorted(os.listdir(root))

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        with Image.open(os.path.join(self.root, self.names[index])) as picture:
            pixels = numpy.array(picture.convert("L"))
        return torch.from_numpy(pixels).unsqueeze(0), index


def transform(root, out, batch, workers):
    torch.set_num_threads(1 if workers else os.cpu_count())
    os.makedirs(out, exist_ok=True)
    net, folder = frozen(), Folder(root)
    loader = torch.utils.data.DataLoader(folder, batch_size=batch, num_workers=workers)
    start = time.perf_counter()
    with torch.inference_mode():
        for images, indices in loader:
            digits = net(images.float().div(255).sub(0.1307).div(0.3081)).argmax(1)
            for index, digit in zip(indices.tolist(), digits.tolist()):
                with open(os.path.join(out, folder.names[index] + ".out"), "w") as file:
                    file.write(json.dumps({"predictions": digit}))
    return len(folder) / (time.perf_counter() - start)


if __name__ == "__main__":
    what, *args = sys.argv[1:]
    if what == "model":
        print(model(int(args[0]), int(args[1]), float(args[2])))
    elif what == "engines":
        engines(int(args[0]), float(args[1]), [int(batch) for batch in args[2:]])
    elif what == "transform":
        print(transform(args[0], args[1], int(args[2]), int(args[3])))
    else:
        sys.exit(__doc__)
