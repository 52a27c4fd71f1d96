"""One epoch of fine-tuning by another toolkit for speech emotion, and by this project: nkululeko.

    python benchmarks/other_tools.py --nkululeko ENVIRONMENT/bin/python [--utterances 64] [--rounds 1] [--tiny]

nkululeko (MIT licence) needs an environment of its own; 1.14.1 trains with `pip install nkululeko "transformers<5"
"datasets<4.5" "huggingface_hub<1"`. Both sides start from the same wav files and the same local wav2vec 2.0 of base
size, keep its convolutional stem as it is, train one epoch in batches of 8 in float32, evaluate a development set and
end with a saved model. Each runs in a process of its own, so imports count; no hub is asked. They differ in this: this
project predicts three dimensions and nkululeko arousal alone, by a CCC loss too; nkululeko evaluates several times in
an epoch, adds the gradients of four batches and draws plots, as its users get it. Writes other-tools.json and .md.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from bench_setup import Setup, make

from valence_gap.runtime.provenance import cpu_model

FOLDER = Path(__file__).parent
OURS = """
import json, sys
from bench_setup import Setup
import finetuning
finetuning.run("valence-gap", "fp32", Setup.from_json(json.loads(sys.argv[1])))
"""
SETTINGS = """\
[EXP]
root = {out}
name = experiment
type = regression
runs = 1
epochs = 1
[DATA]
databases = ['train', 'dev']
train = {folder}/train.csv
train.type = csv
train.absolute_path = True
train.split_strategy = train
dev = {folder}/dev.csv
dev.type = csv
dev.absolute_path = True
dev.split_strategy = test
target = arousal
[FEATS]
type = []
[MODEL]
type = finetune
loss = ccc
measure = ccc
[FINETUNE]
device = cpu
pretrained_model = {folder}/backbone
batch_size = {batch_size}
max_duration = 11
"""


def main() -> None:
    """Run both sides in turn, and write the times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nkululeko", type=Path, required=True, metavar="PYTHON", help="of its environment")
    parser.add_argument("--utterances", type=int, default=64, help="training utterances")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each side")
    parser.add_argument(
        "--tiny", action="store_true", help="a small model and short utterances: a trial of this script"
    )
    parser.add_argument("--output", type=Path, default=FOLDER / "results" / "other-tools", help="without its ending")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        setup = Setup(
            Path(scratch) / "material", Path(scratch) / "made", args.utterances, args.threads, 8, 1, args.tiny
        )
        make(setup)
        _tables(setup)
        times = {"valence-gap": [], "nkululeko": []}
        for _ in range(args.rounds):
            times["valence-gap"].append(_ours(setup))
            times["nkululeko"].append(_nkululeko(setup, args.nkululeko))
            print(f"seconds: {times}", flush=True)
        audio_s = float(setup.durations_s("train").sum())
    _write(args.output, times, audio_s, args.threads, _versions(args.nkululeko))


def _tables(setup: Setup) -> None:
    """Write the tables of nkululeko: file, speaker, gender and arousal."""
    for split in ("train", "dev"):
        rows = pd.read_parquet(setup.folder / f"{split}.parquet")
        labels = pd.read_parquet(setup.folder / f"{split}-labels.parquet")
        table = pd.DataFrame({"file": [str(path) for path in setup.files(split)], "speaker": rows["speaker"]})
        table.assign(gender="female", arousal=labels["arousal"]).to_csv(setup.folder / f"{split}.csv", index=False)


def _ours(setup: Setup) -> float:
    setup.scratch.mkdir()
    return _run([sys.executable, "-c", OURS, json.dumps(setup.to_json())], setup)


def _nkululeko(setup: Setup, python: Path) -> float:
    setup.scratch.mkdir()
    settings = SETTINGS.format(out=setup.scratch, folder=setup.folder, batch_size=setup.batch_size)
    (setup.scratch / "experiment.ini").write_text(settings)
    return _run([str(python), "-m", "nkululeko.nkululeko", "--config", "experiment.ini"], setup)


def _run(command: list[str], setup: Setup) -> float:
    """Run one side in an empty scratch folder; return its seconds."""
    threads = {name: str(setup.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    environment = os.environ | threads | {"HF_HUB_OFFLINE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH")]))
    started = time.perf_counter()
    done = subprocess.run(command, cwd=setup.scratch, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} failed:\n{done.stderr[-2000:]}")
    shutil.rmtree(setup.scratch)
    return seconds


def _versions(python: Path) -> dict[str, str]:
    """Versions of the packages in an environment."""
    names = ("nkululeko", "torch", "transformers")
    code = f"from importlib.metadata import version; print(*[version(name) for name in {names!r}])"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    return dict(zip(names, found, strict=True))


def _write(output: Path, times: dict[str, list[float]], audio_s: float, threads: int, versions: dict[str, str]) -> None:
    ratios = [theirs / ours for ours, theirs in zip(times["valence-gap"], times["nkululeko"], strict=True)]
    document = {"cpu": cpu_model(), "threads": threads, "audio_s": audio_s, "seconds": times, "ratio": ratios}
    document |= {"versions": versions}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    lines = [
        "# other tools",
        "",
        f"{document['cpu']}, {threads} threads, float32; {audio_s:.0f} s of training audio.",
        "",
    ]
    lines += ["| side | s, whole process | time / time of this project |", "| --- " * 3 + "|"]
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines += [
        f"| valence-gap | {statistics.median(times['valence-gap']):.0f} | |",
        f"| {shown} | {statistics.median(times['nkululeko']):.0f} | {statistics.median(ratios):.2f} |",
    ]
    output.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
