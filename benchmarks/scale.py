"""Packing, one condition, scoring and a figure for 1, 10 and 100 hours of audio: time and memory of each.

    python benchmarks/scale.py [--hours 1 10 100] [--folder SCRATCH]

Each stage is the sub-command that the workflow calls, in a process of its own on one core. 100 hours need 25 GB of disk
in the scratch folder. The audio files are few and are packed again and again. Writes scale.json, scale.md and scale.png
under benchmarks/results. Time should be proportional to the hours, and the peak of memory should not depend on them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import yaml
from bench_setup import DIMENSIONS, make_noise, waveform
from lengths import draw_seconds

from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.evaluation import Condition, Evaluation
from valence_gap.definitions.values import SAMPLE_RATE_HZ, to_json
from valence_gap.runtime.provenance import cpu_model
from valence_gap.study.descriptions import figure_description
from valence_gap.study.study import load

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FILES = 120  # different audio files: 11.6 minutes
UTTERANCES_PER_SPEAKER = 60
CORPUS = Corpus(adapter="table", label="benchmark", splits={"test": "test"})
NOISE = Condition(kind="noise", label="noise", noise_class="human", snr_db=10.0)
EVALUATION = Evaluation()
STAGES = ("packing", "condition", "scoring", "figure")


@dataclass(frozen=True)
class Row:
    """What one stage took.

    Attributes:
        stage: its name.
        hours: hours of audio.
        wall_s: wall time in seconds.
        cpu_s: CPU time of its process in seconds.
        peak_mb: peak of its resident memory in MB, mapped files included.
        anonymous_mb: the same without them: what the process holds itself. Both are looked at every 50 ms.
    """

    stage: str
    hours: float
    wall_s: float
    cpu_s: float
    peak_mb: float
    anonymous_mb: float


def main() -> None:
    """Measure, and write table and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, nargs="+", default=[1, 10, 100], help="hours of audio")
    parser.add_argument("--folder", type=Path, default=None, help="scratch folder (default: a temporary one)")
    parser.add_argument("--output", type=Path, default=RESULTS / "scale", help="file name without its ending")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as scratch:
        material = Path(scratch)
        seconds = _make(material)
        rows = [row for hours in args.hours for row in _measured(material, hours, seconds)]
    _write(args.output, rows)


def _make(folder: Path) -> np.ndarray:
    """Write audio files and noises; return the seconds of the files, (files,)."""
    random = np.random.default_rng(0)
    (folder / "wav").mkdir()
    samples = (draw_seconds(FILES, random) * SAMPLE_RATE_HZ).astype(int)
    for number, length in enumerate(samples):
        soundfile.write(folder / "wav" / f"{number}.wav", waveform(length, random), SAMPLE_RATE_HZ, "PCM_16")
    make_noise(folder / "noise", random)
    return np.asarray(samples / SAMPLE_RATE_HZ)


def _measured(folder: Path, hours: float, seconds: np.ndarray) -> list[Row]:
    durations_s = np.resize(seconds, round(hours * 3600 / float(seconds.mean())))
    _tables(folder, durations_s)
    made = folder / "made"
    commands = _commands(folder, made)
    rows = [_run(stage, hours, [str(part) for part in commands[stage]]) for stage in STAGES]
    shutil.rmtree(made)
    return rows


def _commands(folder: Path, made: Path) -> dict[str, list[object]]:
    """The sub-command of each stage."""
    utterances, scores = folder / "utterances.parquet", made / "scores.csv"
    packing = ["--utterances", utterances, "--root", folder / "wav", "--corpus", to_json(CORPUS)]
    condition = ["--audio", made / "clean", "--noise", folder / "noise", "--condition", f"noise={to_json(NOISE)}"]
    scoring = ["--predictions", folder / "predictions.parquet", "--labels", folder / "labels.parquet"]
    scoring += ["--utterances", utterances, "--model", "w2v2-b", "--seed", 42, "--corpus", "msp-podcast"]
    scoring += ["--dimensions", ",".join(DIMENSIONS), "--evaluation", to_json(EVALUATION)]
    figure = ["--scores", scores, "--description", _description(), "--output-stem", made / "figure_02"]
    return {
        "packing": ["pack-audio", *packing, "--output", made / "clean"],
        "condition": ["apply-conditions", *condition, "--output-root", made / "packs"],
        "scoring": ["score", *scoring, "--output", scores],
        "figure": ["figure", "figure_02", *figure],
    }


def _tables(folder: Path, durations_s: np.ndarray) -> None:
    """Write utterances, labels and predictions of one condition."""
    random, count = np.random.default_rng(1), len(durations_s)
    ids = [f"u{number:07d}" for number in range(count)]
    speakers = np.arange(count) // UTTERANCES_PER_SPEAKER
    files = [f"{number % FILES}.wav" for number in range(count)]
    utterances = pd.DataFrame({"id": ids, "file": files, "audio_root": 0, "duration_s": durations_s})
    utterances["speaker"] = [f"s{number}" for number in speakers]
    utterances["gender"] = np.where(speakers % 2, "female", "male")
    utterances.to_parquet(folder / "utterances.parquet")
    truth = random.uniform(size=(count, len(DIMENSIONS)))
    labels = pd.DataFrame(truth, columns=list(DIMENSIONS))
    labels.insert(0, "id", ids)
    labels.to_parquet(folder / "labels.parquet")
    guesses = pd.DataFrame(truth + 0.2 * random.standard_normal(truth.shape), columns=list(DIMENSIONS))
    guesses.insert(0, "condition", "clean")
    guesses.insert(0, "id", ids)
    guesses.to_parquet(folder / "predictions.parquet")


def _description() -> str:
    """The description of Figure 2 with one model and one corpus."""
    configuration = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    configuration |= {"figures": {"figure_02": {"models": ["w2v2-b"], "corpora": ["msp-podcast"]}}}
    configuration |= {"targets": ["figure_02"]}
    return json.dumps(figure_description(load(configuration, project=ROOT), "figure_02"))


def _run(stage: str, hours: float, arguments: list[str]) -> Row:
    """Run a sub-command and wait for it; its memory is looked at meanwhile."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "valence_gap.cli", *arguments], env=environment)
    own_kb = peak_kb = 0
    while True:
        found, status, usage = os.wait4(process.pid, os.WNOHANG)
        if found:
            break
        own_kb = max(own_kb, _memory_kb(process.pid, "RssAnon"))
        peak_kb = max(peak_kb, _memory_kb(process.pid, "VmHWM"))
        time.sleep(0.05)
    if status:
        raise SystemExit(f"{stage} of {hours} h failed")
    wall_s = time.perf_counter() - started
    row = Row(stage, hours, wall_s, usage.ru_utime + usage.ru_stime, peak_kb / 1000, own_kb / 1000)
    print(
        f"{stage}, {hours:g} h: {row.wall_s:.1f} s, {row.peak_mb:.0f} MB ({row.anonymous_mb:.0f} MB its own)",
        flush=True,
    )
    return row


def _memory_kb(process: int, field: str) -> int:
    """A field of the status of a process, 0 where it cannot be read; its rusage has the peak of its parent too."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)


def _write(output: Path, rows: list[Row]) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    document = {"cpu": cpu_model(), "commit": commit, "rows": [asdict(row) for row in rows]}
    output.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    lines = ["# scale", "", f"{document['cpu']}, one core; commit {commit}.", ""]
    lines += ["| stage | hours | wall s | CPU s | peak MB | of it, not mapped files |", "| --- " * 6 + "|"]
    for row in rows:
        memory = f"{row.peak_mb:.0f} | {row.anonymous_mb:.0f}"
        lines.append(f"| {row.stage} | {row.hours:g} | {row.wall_s:.1f} | {row.cpu_s:.1f} | {memory} |")
    output.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _plot(output.with_suffix(".png"), rows)


def _plot(path: Path, rows: list[Row]) -> None:
    import matplotlib.pyplot as plt

    figure, (times, memory) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for stage, marker in zip(STAGES, "osD^", strict=True):
        mine = [row for row in rows if row.stage == stage]
        hours = [row.hours for row in mine]
        times.loglog(hours, [row.cpu_s for row in mine], marker=marker, label=stage)
        memory.semilogx(hours, [row.anonymous_mb for row in mine], marker=marker, label=stage)
    times.set(xlabel="hours of audio", ylabel="CPU seconds", title="Time")
    memory.set(xlabel="hours of audio", ylabel="MB", title="Peak memory, without mapped files")
    memory.set_ylim(bottom=0)
    times.legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
