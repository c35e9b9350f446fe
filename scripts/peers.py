"""What a PyTorch user would run instead of Plimsoll, to be timed beside it.

    peers.py model THREADS BATCH SECONDS          frozen TorchScript: prints images/s
    peers.py transform PNGS OUT BATCH WORKERS     DataLoader and frozen TorchScript: prints images/s

`model` times the forward pass alone, on floats that lie ready. `transform` reads a folder of PNGs
and writes one {"predictions": d} for each; loading Python, torch and the model is not counted.
"""

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


def model(threads, batch, seconds):
    torch.set_num_threads(threads)
    net, images = frozen(), torch.randn(batch, 1, 28, 28)
    with torch.inference_mode():
        for _ in range(5):
            net(images)
        start, done = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            net(images)
            done += batch
        return done / (time.perf_counter() - start)


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
    elif what == "transform":
        print(transform(args[0], args[1], int(args[2]), int(args[3])))
    else:
        sys.exit(__doc__)
