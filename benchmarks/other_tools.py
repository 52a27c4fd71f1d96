"""One epoch of fine-tuning by other toolkits for speech emotion, and by this project: nkululeko and autrainer.

    python benchmarks/other_tools.py --nkululeko ENVIRONMENT/bin/python --autrainer OTHER/bin/python

Each toolkit (both have the MIT licence) needs an environment of its own: nkululeko 1.14.1 trains with `pip install
nkululeko "transformers<5" "datasets<4.5" "huggingface_hub<1"`, autrainer 0.10.0 with `pip install autrainer
torch==2.11.0 torchaudio==2.11.0 torchvision==0.26.0`, the last torch that there is a torchaudio for.

Both sides start from the same wav files and the same local wav2vec 2.0 of base size, keep its convolutional stem as it
is, train one epoch in batches of 8 in float32, evaluate a development set and end with a saved model. Each runs in a
process of its own, so imports count; no hub is asked. This project predicts three dimensions by the CCC loss.
nkululeko predicts arousal alone, by a CCC loss too; it evaluates several times in an epoch, adds the gradients of four
batches and draws plots. autrainer predicts three values by the mean squared error. It has no padding, so with it all
utterances last 3 s, as in its own settings for MSP-Podcast; it evaluates the development set twice, the second time as
the test set, saves the first, the best and the last state and draws plots. All this is what their users get.
Writes other-tools.json and .md.
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from bench_setup import Setup, make

from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.provenance import cpu_model

FOLDER = Path(__file__).parent
OWN = "valence-gap"
OURS = """
import json, sys
from bench_setup import Setup
import finetuning
finetuning.run("valence-gap", "fp32", Setup.from_json(json.loads(sys.argv[1])))
"""
NKULULEKO = """\
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
AUTRAINER = {
    "config.yaml": """\
defaults: [_autrainer_, _self_]
results_dir: results
experiment_id: default
iterations: 1
device: cpu
progress_bar: false
hydra:
  sweeper:
    params:
      +seed: 1
      +batch_size: {batch_size}
      +learning_rate: 0.0001
      dataset: table
      model: wav2vec2
      optimizer: AdamW
""",
    "dataset/table.yaml": """\
id: table
_target_: autrainer.datasets.BaseMTRegressionDataset
path: data
features_subdir: default
index_column: file
target_column: [arousal, dominance, valence]
file_type: wav
file_handler: autrainer.datasets.utils.AudioFileHandler
criterion: autrainer.criterions.MSELoss
metrics: [autrainer.metrics.CCC]
tracking_metric: autrainer.metrics.CCC
transform: {{type: raw}}
""",
    "model/wav2vec2.yaml": """\
id: wav2vec2
_target_: autrainer.models.W2V2FFNN
model_name: {folder}/backbone
freeze_extractor: true
hidden_size: 768
num_layers: 2
dropout: 0.1
transfer: true
transform:
  type: raw
  base: [autrainer.transforms.FeatureExtractor: {{fe_type: W2V2, fe_transfer: "{folder}/backbone"}}]
""",
}
NORMALISING = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16_000, "do_normalize": True}


@dataclass(frozen=True)
class Tool:
    """Another toolkit.

    Attributes:
        prepare: writes what it reads into the scratch folder of a setup.
        command: its command in that folder, from the Python of its environment.
        fixed_s: length of all utterances in seconds; None: those of MSP-Podcast.
    """

    prepare: Callable[[Setup], None]
    command: Callable[[Path], list[str]]
    fixed_s: float | None = None


def main() -> None:
    """Run both sides of each toolkit in turn, and write the times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in TOOLS:
        parser.add_argument(f"--{name}", type=Path, metavar="PYTHON", help="of its environment")
    parser.add_argument("--utterances", type=int, default=64, help="training utterances (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each side (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="a small model and short utterances: a trial of the script")
    parser.add_argument("--output", type=Path, default=FOLDER / "results" / "other-tools", help="without its ending")
    args = parser.parse_args()
    given = {name: python.absolute() for name in TOOLS if (python := getattr(args, name)) is not None}
    if not given:
        parser.error(f"name the Python of an environment: {', '.join(f'--{name}' for name in TOOLS)}")
    found = [measured(name, python, args) for name, python in given.items()]
    write(args.output, {"cpu": cpu_model(), "threads": args.threads, "comparisons": found})


def measured(name: str, python: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Seconds of both sides in each round."""
    tool = TOOLS[name]
    times: dict[str, list[float]] = {OWN: [], name: []}
    with tempfile.TemporaryDirectory() as scratch:
        folders = Path(scratch) / "material", Path(scratch) / "made"
        setup = Setup(*folders, args.utterances, args.threads, 8, 1, args.tiny, tool.fixed_s)
        setup.folder.mkdir()
        make(setup)
        for _ in range(args.rounds):
            for side, found in times.items():
                setup.scratch.mkdir()
                if side == OWN:
                    command = [sys.executable, "-c", OURS, json.dumps(setup.to_json())]
                else:
                    tool.prepare(setup)
                    command = tool.command(python)
                found.append(_run(command, setup))
                print(f"{side}: {found[-1]:.1f} s", flush=True)
        audio_s = float(setup.durations_s("train").sum())
    return {"audio_s": audio_s, "seconds": times, "versions": _versions(python, (name, "torch", "transformers"))}


def _run(command: list[str], setup: Setup) -> float:
    """Run one side in the scratch folder and remove it; return the seconds."""
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


def _prepare_nkululeko(setup: Setup) -> None:
    """Write its tables (file, speaker, gender and arousal) and settings."""
    for split in ("train", "dev"):
        rows = pd.read_parquet(setup.folder / f"{split}.parquet")
        labels = pd.read_parquet(setup.folder / f"{split}-labels.parquet")
        table = pd.DataFrame({"file": [str(path) for path in setup.files(split)], "speaker": rows["speaker"]})
        table.assign(gender="female", arousal=labels["arousal"]).to_csv(setup.folder / f"{split}.csv", index=False)
    settings = NKULULEKO.format(out=setup.scratch, folder=setup.folder, batch_size=setup.batch_size)
    (setup.scratch / "experiment.ini").write_text(settings)


def _prepare_autrainer(setup: Setup) -> None:
    """Write its tables (file and labels), links to the files in one folder, and settings."""
    audio = setup.scratch / "data" / "default"
    audio.mkdir(parents=True)
    for split, source in (("train", "train"), ("dev", "dev"), ("test", "dev")):
        files = setup.files(source)
        for file in files:
            if not (audio / file.name).exists():
                (audio / file.name).symlink_to(file)
        table = pd.read_parquet(setup.folder / f"{source}-labels.parquet")[list(DIMENSIONS)]
        table.assign(file=[file.name for file in files]).to_csv(setup.scratch / "data" / f"{split}.csv", index=False)
    for name, text in AUTRAINER.items():
        path = setup.scratch / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(folder=setup.folder, batch_size=setup.batch_size))
    (setup.folder / "backbone" / "preprocessor_config.json").write_text(json.dumps(NORMALISING))


TOOLS = {
    "nkululeko": Tool(
        _prepare_nkululeko,
        lambda python: [str(python), "-m", "nkululeko.nkululeko", "--config", "experiment.ini"],
    ),
    "autrainer": Tool(_prepare_autrainer, lambda python: [str(python.with_name("autrainer")), "train"], fixed_s=3.0),
}


def _versions(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Versions of the packages in an environment."""
    code = f"from importlib.metadata import version; print(*[version(name) for name in {names!r}])"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    return dict(zip(names, found, strict=True))


def write(output: Path, document: dict[str, Any]) -> None:
    """Write what was measured as JSON and as a table."""
    lines = ["# other tools", "", f"{document['cpu']}, {document['threads']} threads, float32.", ""]
    lines += ["| audio, s | side | s, whole process | time / time of this project |", "| --- " * 4 + "|"]
    for found in document["comparisons"]:
        (_, ours), (_, theirs) = found["seconds"].items()
        ratio = statistics.median(other / own for own, other in zip(ours, theirs, strict=True))
        shown = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
        lines += [
            f"| {found['audio_s']:.0f} | {OWN} | {statistics.median(ours):.0f} | |",
            f"| | {shown} | {statistics.median(theirs):.0f} | {ratio:.2f} |",
        ]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    output.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
