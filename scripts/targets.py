#!/usr/bin/env python3
"""Measures what Plimsoll promises of its first release, beside its peers, in one run.

    scripts/targets.py [--rounds 5] [--work DIR] [--before PLIMSOLL] [TARGET ...]

Targets: transform, floor, start, torch, engines, pipeline, null, instances, memory, stores, million,
twice, search, sizing; all of them by default. Run it on an idle machine after `make build`, with a
Python that has torch 2.11, numpy and pillow (for engines: onnx, onnxruntime and openvino too).
Rounds of Plimsoll and of the peer alternate, figures are medians over the rounds, and a
ratio is the median of the rounds' ratios, with the smallest and the largest. Real MNIST is used
where PLIMSOLL_MNIST_DIR names it. `stores` measures ratios to the files of another build where
--before names one, and to its own files otherwise; its bucket is served by examples/s3_server.
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLIMSOLL = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/plimsoll"
CRITERION = PLIMSOLL.parent.parent / "criterion"
PEERS = ROOT / "scripts/peers.py"
BEFORE = None
FLOP = 961_000  # of an image, as plimsoll::model::FLOP_PER_IMAGE has it


def output(*command, codes=(0,), **options):
    command = [str(word) for word in command]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, **options)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    return done.stdout


def peer(*args, cores=None):
    pin = ["taskset", "-c", cores] if cores else []
    return float(output(*pin, sys.executable, PEERS, *args, stderr=subprocess.DEVNULL))


def pngs(work, count):
    folder = work / f"png{count}" / "in"
    if not folder.exists():
        synthetic = ["--synthetic"] if count > 10_000 or not os.environ.get("PLIMSOLL_MNIST_DIR") else []
        output(PLIMSOLL, "data", "sample", "--count", count, "--out", folder, *synthetic)
    return folder


def fresh(work):
    """A folder that is not there yet. Nothing is removed before the end: ext4 passes over inodes
    that were freed in the last minutes, one by one, and creating files is many times slower."""
    return pathlib.Path(tempfile.mkdtemp(dir=work)) / "out"


def run_transform(source, out, *flags, program=PLIMSOLL, **options):
    return json.loads(output(program, "transform", "--input", source, "--output", out, "--json", *flags, **options))


def bench(filter_, *names):
    """Criterion's median nanoseconds an iteration of each named bench."""
    output("cargo", "bench", "--locked", "--bench", filter_.split("/")[0], "--", filter_, cwd=ROOT)
    read = lambda name: json.loads((CRITERION / name / "new/estimates.json").read_text())
    return [read(name)["median"]["point_estimate"] for name in names]


def say(target, text):
    print(f"{target:10} {text}", flush=True)


def ratios(ours, theirs):
    each = [a / b for a, b in zip(ours, theirs)]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"


def transform(work, rounds):
    source = pngs(work, 10_000)
    settings = [(64, 1), (256, 1), (256, 2), (1024, 1), (256, 0)]
    ours, theirs = [], []
    for _ in range(rounds):
        out = fresh(work)
        summary = run_transform(source, out)
        assert summary["succeeded"] == 10_000 and len(os.listdir(out)) == 10_000
        right = accuracy(source.parent / "labels.csv", out)
        ours.append(summary["images_per_s"])
        theirs.append(max(peer("transform", source, fresh(work), *setting) for setting in settings))
    say("transform", f"{statistics.median(ours):,.0f} images/s, 10,000 outputs, {right:.2%} right; best tuned DataLoader "
        f"{statistics.median(theirs):,.0f}: ratio {ratios(ours, theirs)}, target 10")


def floor(work, rounds):
    """Files to files beside two bare processes that only read the same files and create as many."""
    bare = work / "floor"
    output("cc", "-O2", "-o", bare, ROOT / "scripts/floor.c")
    source = pngs(work, 10_000)
    walls, busy = {"read": [], "floor": [], "plimsoll": []}, {"read": [], "floor": [], "plimsoll": []}

    def timed(name, *command):
        before, start = os.times(), time.monotonic()
        output(*command)
        walls[name].append((time.monotonic() - start) * 100)
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        busy[name].append(spent * 100)

    for _ in range(rounds):
        timed("read", bare, 2, source)
        timed("floor", bare, 2, source, fresh(work))
        timed("plimsoll", PLIMSOLL, "transform", "--input", source, "--output", fresh(work), "--instance-count", 2)
    for name in walls:
        say("floor", f"{name}: {statistics.median(walls[name]):.1f} us of wall and {statistics.median(busy[name]):.1f} us of "
            "processor an object, start and end included")
    say("floor", f"plimsoll over the floor: wall {ratios(walls['plimsoll'], walls['floor'])}, processor "
        f"{ratios(busy['plimsoll'], busy['floor'])}")


def start(work, rounds):
    """From the start of the program to the end of a job over one picture."""
    source = fresh(work)
    shutil.copytree(pngs(work, 10), source)
    for file in sorted(source.iterdir())[1:]:
        file.unlink()
    took = []
    for _ in range(4 * rounds):
        began = time.monotonic()
        run_transform(source, fresh(work))
        took.append((time.monotonic() - began) * 1e3)
    say("start", f"one picture, the whole program: {statistics.median(took):.1f} ms, at best {min(took):.1f}, target 20")


def accuracy(labels, out):
    rows = list(csv.DictReader(labels.open()))
    said = lambda row: json.loads((out / (row["name"] + ".out")).read_text())["predictions"]
    return sum(said(row) == int(row["label"]) for row in rows) / len(rows)


def torch(work, rounds):
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(peer("model", 1, 128, 3, cores="0"))
        [ns] = bench("forward/torch/128", "forward_torch/128")
        ours.append(128e9 / ns)
    say("torch", f"batch 128, one thread: {statistics.median(ours):,.0f} images/s from u8 to class; frozen TorchScript "
        f"{statistics.median(theirs):,.0f} from floats: ratio {ratios(ours, theirs)}, target 0.9")


ENGINE_BATCHES = [32, 64, 128, 256, 512]


def engines(work, rounds):
    """native against every engine at its best batch size, on one core and on all."""
    cores = len(os.sched_getaffinity(0))
    for threads in dict.fromkeys([1, cores]):
        ours, theirs, shares, best = [], [], [], []
        pin = ["taskset", "-c", "0"] if threads == 1 else []
        for _ in range(rounds):
            lines = output(*pin, sys.executable, PEERS, "engines", threads, 0.5, *ENGINE_BATCHES, stderr=subprocess.DEVNULL)
            found = {row["engine"]: max(row["images_per_s"].values()) for row in map(json.loads, lines.splitlines())}
            best.append(max(found, key=found.get))
            theirs.append(found[best[-1]])
            out = fresh(work)
            rows, _ = swept(out, "--backend", "native", "--instances", threads, "--threads", 1, "--rounds", 3,
                            "--batch", ",".join(map(str, ENGINE_BATCHES)))
            ours.append(max(map(rate, rows.values())))
            ceiling = json.loads((out / "results.json").read_text())["ceilings"]["fma_one_core_flop_per_s"]
            shares.append(ours[-1] * FLOP / (ceiling * threads))
        say("engines", f"{threads} of {cores} cores: native {statistics.median(ours):,.0f} images/s; the best engine "
            f"({', '.join(sorted(set(best)))}) {statistics.median(theirs):,.0f}: ratio {ratios(ours, theirs)}, target 3; "
            f"{statistics.median(shares):.0%} of the multiply-add peak, target 60%")


def pipeline(work, rounds):
    for name in ["torch", "native"]:
        bare, piped = [], []
        for _ in range(rounds):
            a, b = bench(f"pipeline/{name}", f"pipeline_{name}/bare", f"pipeline_{name}/piped")
            bare.append(1 / a)
            piped.append(1 / b)
        say("pipeline", f"{name}: piped over bare loop {ratios(piped, bare)}, target 0.95")


def null(work, rounds):
    costs = [bench("pipeline/null/256", "pipeline_null/256")[0] for _ in range(rounds)]
    say("null", f"{statistics.median(costs):.0f} ns an image at batch 256 ({min(costs):.0f} to {max(costs):.0f}), target 1,000")


def instances(work, rounds):
    out = work / "sweep"
    output(PLIMSOLL, "sweep", "--out", out, "--backend", "torch,native", "--instances", "1,2", "--threads", "1",
           "--batch", "64,128,256", "--rounds", max(rounds, 3), codes=(0, 1))  # 1: cells with a wide interval
    rates = {}
    for row in csv.DictReader((out / "rounds.csv").open()):
        key = (row["backend"], int(row["batch"]), int(row["instances"]))
        rates.setdefault(key, []).append(float(row["throughput_images_per_s"]))
    for (backend, batch, count), two in sorted(rates.items()):
        if count == 2:
            say("instances", f"{backend}, batch {batch}: 2 instances over 1 {ratios(two, rates[backend, batch, 1])}, target 1.85")


def memory(work, rounds):
    for count in [10_000, 200_000]:
        source = pngs(work, count)
        command = [str(PLIMSOLL), "transform", "--input", str(source), "--output", str(fresh(work))]
        parent = subprocess.Popen(command + ["--json"], stdout=subprocess.PIPE, text=True)
        text = parent.stdout.read()
        _, _, usage = os.wait4(parent.pid, 0)
        peak = max(one["peak_rss_bytes"] for one in json.loads(text)["instances"])
        # A parent's figure covers its waited-for children only as their maximum, which is known.
        say("memory", f"{count:,} images: instance {peak / 2**20:.1f} MiB, parent {usage.ru_maxrss / 1024:.1f} MiB at their peaks")


def stores(work, rounds):
    source = pngs(work, 10_000)
    two = ["--instance-count", 2]
    rates = {"before": [], "files": [], "coalesced": [], "faithful": [], "s3": [], "server": []}
    bucket = fresh(work)
    (bucket / "jobs/in").mkdir(parents=True)
    for file in source.iterdir():
        shutil.copy(file, bucket / "jobs/in")
    output("cargo", "build", "--release", "--locked", "--example", "s3_server", cwd=ROOT)
    server = subprocess.Popen([PLIMSOLL.parent / "examples/s3_server", bucket], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    env = dict(os.environ, **dict(server.stdout.readline().strip().split("=", 1) for _ in range(4)))
    for round in range(rounds):
        if BEFORE:
            rates["before"].append(run_transform(source, fresh(work), *two, program=BEFORE)["images_per_s"])
        rates["files"].append(run_transform(source, fresh(work), *two)["images_per_s"])
        both = run_transform(source, fresh(work), *two, "--compare")["comparison"]
        assert both["differing"] == 0
        rates["coalesced"].append(both["coalesced"]["images_per_s"])
        rates["faithful"].append(both["faithful"]["images_per_s"])
        busy = cpu_seconds(server.pid)
        summary = run_transform("s3://jobs/in/", f"s3://jobs/out{round}/", *two, env=env)
        assert summary["succeeded"] == 10_000
        rates["s3"].append(summary["images_per_s"])
        rates["server"].append((cpu_seconds(server.pid) - busy) / 10_000 * 1e6)
    server.stdin.close()
    server.wait()
    base = "before" if BEFORE else "files"
    for name, target in [("files", 0.8), ("s3", 0.4)]:
        say("stores", f"{name}: {statistics.median(rates[name]):,.0f} images/s, 2 instances, over "
            f"{statistics.median(rates[base]):,.0f} of {base}: ratio {ratios(rates[name], rates[base])}, target {target}")
    say("stores", f"s3: the server on the same cores took {statistics.median(rates['server']):.0f} us of processor an object")
    say("stores", f"coalesced {statistics.median(rates['coalesced']):,.0f} images/s, faithful "
        f"{statistics.median(rates['faithful']):,.0f}: ratio {ratios(rates['coalesced'], rates['faithful'])}")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def million(work, rounds):
    rates, peaks, instances = [], [], []
    for _ in range(rounds):
        command = [str(PLIMSOLL), "transform", "--input", "null://1m", "--output", "null://0", "--backend", "null"]
        parent = subprocess.Popen([*command, "--instance-count", "2", "--json"], stdout=subprocess.PIPE, text=True)
        summary = json.loads(parent.stdout.read())
        _, _, usage = os.wait4(parent.pid, 0)
        assert summary["succeeded"] == 1_000_000
        rates.append(summary["objects_per_s"])
        peaks.append(usage.ru_maxrss / 1024)
        instances.append(max(one["peak_rss_bytes"] for one in summary["instances"]) / 2**20)
    say("million", f"{statistics.median(rates):,.0f} objects/s ({min(rates):,.0f} to {max(rates):,.0f}), target 100,000; "
        f"parent {max(peaks):.0f} MiB, an instance {max(instances):.0f} MiB at their peaks, target 300 MB")


def swept(out, *flags):
    """The rows of a sweep's cells, and the seconds that it took."""
    start = time.monotonic()
    output(PLIMSOLL, "sweep", "--out", out, *flags, codes=(0, 1))  # 1: cells with a wide interval
    took = time.monotonic() - start
    rows = [row for row in csv.DictReader((out / "results.csv").open()) if row["verdict"] != "SKIPPED"]
    return {tuple(row[name] for name in CELL): row for row in rows}, took


CELL = ["backend", "device", "instances", "batch", "threads", "precision", "sessions", "staging", "scenario"]


def rate(row, which=""):
    return float(row[f"throughput_{which}images_per_s"])


def overlap(a, b):
    return rate(a, "ci95_low_") <= rate(b, "ci95_high_") and rate(b, "ci95_low_") <= rate(a, "ci95_high_")


def best(rows):
    valid = [cell for cell, row in rows.items() if row["verdict"] == "VALID"]
    return max(valid, key=lambda cell: rate(rows[cell]), default=None)


def named(cell):
    return f"{cell[0]} x{cell[2]}, batch {cell[3]}, {cell[4]} threads" if cell else "none"


def twice(work, rounds):
    (first, took), (second, again) = [swept(fresh(work)) for _ in range(2)]
    same = [cell for cell in first if overlap(first[cell], second[cell])]
    valid = [cell for cell in first if first[cell]["verdict"] == second[cell]["verdict"] == "VALID"]
    steady = [cell for cell in valid if cell in same]
    say("twice", f"default sweep in {took:.0f} s and {again:.0f} s, target 360; intervals of {len(same)} of {len(first)} cells "
        f"overlap, of {len(steady)} of the {len(valid)} that are valid in both, target 95%")
    a, b = best(first), best(second)
    tie = a and b and overlap(first[a], first[b]) and overlap(second[a], second[b])
    say("twice", f"best: {named(a)}, then {named(b)}: {'the same' if a == b else 'a tie' if tie else 'ANOTHER'}")


def search(work, rounds):
    found = fresh(work)
    some, quick = swept(found, "--search")
    whole, full = swept(fresh(work))
    there = max(whole, key=lambda cell: rate(whole[cell]))
    chosen = max(some, key=lambda cell: rate(some[cell]))
    say("search", f"{len(some)} of {len(whole)} cells in {quick:.0f} s instead of {full:.0f}; found {named(chosen)}, which the whole "
        f"grid has at {rate(whole[chosen]) / rate(whole[there]):.1%} of its best, {named(there)}; target 95% and a quarter")
    start = time.monotonic()
    output(PLIMSOLL, "report", found, "--out", fresh(work))
    say("search", f"its report is rendered again in {time.monotonic() - start:.2f} s, target 1")


def sizing(work, rounds):
    # Pictures go where --work is. Name a memory file system: ext4 is many times slower for minutes
    # after so many files were deleted, which no small job shows.
    os.environ["TMPDIR"] = str(work)
    run = fresh(work)
    start = time.monotonic()
    swept(run, ROOT / "configs/smoke.toml")
    output(PLIMSOLL, "size", run, "--measure-jobs", stderr=subprocess.DEVNULL)
    measured = time.monotonic()
    question = ["--images", "10M", "--deadline", "1h", "--machine-type", "ml.c7i.large", "--json"]
    output(PLIMSOLL, "size", run, *question, stderr=subprocess.DEVNULL)
    now = time.monotonic()
    say("sizing", f"from nothing to an answer in {now - start:.0f} s, target 300; the sizing itself {now - measured:.2f} s, target 1")
    for _ in range(rounds):
        output(PLIMSOLL, "size", run, "--verify", stderr=subprocess.DEVNULL)
    checks = [json.loads(line) for line in (run / "checks.jsonl").read_text().splitlines()]
    jobs = [check for check in checks if check["unit"] == "s"]
    off = [check["predicted"]["value"] / check["measured"] - 1 for check in jobs]
    held = sum(check["predicted"]["low"] <= check["measured"] <= check["predicted"]["high"] for check in jobs)
    say("sizing", f"a job of 100,000 images from jobs of up to 1,000: off by {statistics.median(off):+.1%} "
        f"({min(off):+.1%} to {max(off):+.1%}), target 10%; the interval held {held} of {len(jobs)}")
    grid = fresh(work)
    swept(grid, "--backend", "native", "--rounds", 5)
    output(PLIMSOLL, "size", grid, "--measure-jobs", stderr=subprocess.DEVNULL)
    output(PLIMSOLL, "size", grid, "--verify", stderr=subprocess.DEVNULL)
    cells = [json.loads(line) for line in (grid / "checks.jsonl").read_text().splitlines()]
    say("sizing", "; ".join(check["what"] for check in cells if check["unit"] == "images/s") + "; target 9 of 10")
    start = time.monotonic()
    output(PLIMSOLL, "simulate", grid, "--images", "1b", "--machines", 1000, "--json", stderr=subprocess.DEVNULL)
    say("sizing", f"a billion images on 1,000 machines simulated in {time.monotonic() - start:.2f} s, target 10")
    served = fresh(work)
    swept(served, "--backend", "native", "--instances", 1, "--batch", "8,32,128", "--scenario", "offline,server:2k,server:10k,server:20k")
    verified = json.loads(output(PLIMSOLL, "simulate", "--verify", served, "--json", codes=(0, 1), stderr=subprocess.DEVNULL))
    for figure in ["p50_ns", "p99_ns"]:
        pairs = [(cell["simulated"][figure], cell["measured"][figure]) for cell in verified["cells"] if not cell["doubts"]]
        near = sum(abs(simulated / measured - 1) <= 0.1 for simulated, measured in pairs if simulated and measured)
        say("sizing", f"simulated {figure[:3]} within 10% in {near} of {len(pairs)} server cells that are not in doubt")


def main():
    targets = {f.__name__: f for f in [transform, floor, start, torch, engines, pipeline, null, instances, memory, stores,
                                       million, twice, search, sizing]}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "target/targets")
    parser.add_argument("--before", type=pathlib.Path)
    parser.add_argument("target", nargs="*", choices=[*targets, []], default=[])
    args = parser.parse_args()
    global BEFORE
    BEFORE = args.before
    args.work.mkdir(parents=True, exist_ok=True)
    for name in args.target or targets:
        targets[name](args.work, args.rounds)
    for used in args.work.glob("tmp*"):
        shutil.rmtree(used)


if __name__ == "__main__":
    main()
