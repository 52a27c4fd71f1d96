"""Measure this project side by side with what its users would otherwise run, and write a table and JSON.

    python benchmarks/bench.py                    24 utterances, the faster number format, three rounds
    python benchmarks/bench.py --full             320 utterances, both formats, one round: hours
    python benchmarks/bench.py --sections c,e     only some sections
    python benchmarks/bench.py --tiny             a small model, to see that everything works

Sections: a fine-tuning, b prediction, c packing, d log-Mel spectrograms, e conditions. Results are written to
``benchmarks/results/<name>.json`` and ``.md`` for a CPU that is otherwise idle. A run that was stopped continues from
``<name>.partial.json`` with the same command. The exit status is 1 if the sides do not compute the same.
"""

import argparse
import importlib
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench_setup import Setup, make
from bench_table import markdown
from side_by_side import Check, Measurement, Section, State, run_apart

from valence_gap.runtime import provenance
from valence_gap.runtime.files import atomic_file

OURS = "valence-gap"
SECTIONS = {
    "a": Section(
        "fine-tuning, one epoch, from wav files to a saved model",
        "finetuning",
        (OURS, "Trainer", "Trainer, grouped by length"),
        by_format=True,
    ),
    "b": Section(
        "prediction, from wav files and a saved model to scores",
        "predicting",
        (OURS, "one by one", "one by one, stem in float32", "padded batches"),
        by_format=True,
    ),
    "c": Section("packing, one core", "packing", (OURS, "soundfile")),
    "d": Section("log-Mel spectrograms, one core", "log_mel", (OURS, "librosa", "torchaudio")),
    "e": Section("conditions, one core", "augmenting", ("noise", "speed", "fade"), compared=False),
}
SIZES: dict[str, dict[str, Any]] = {
    "bench": {"utterances": 24, "rounds": 3, "batch_size": 8, "repeats": 20, "formats": "faster", "losses": False},
    "bench-full": {"utterances": 320, "rounds": 1, "batch_size": 8, "repeats": 2, "formats": "both", "losses": True},
    "tiny": {"utterances": 8, "rounds": 1, "batch_size": 2, "repeats": 2, "formats": "both", "losses": True},
}


def main() -> int:
    """Measure, or run the request of a process that measures."""
    args = _parser().parse_args()
    if args.worker:
        print(json.dumps(work(json.loads(args.worker))))
        return 0
    name = "tiny" if args.tiny else "bench-full" if args.full else "bench"
    given = {key: value for key in ("utterances", "rounds", "formats") if (value := getattr(args, key)) is not None}
    settings = {**SIZES[name], **given, "threads": args.threads, "sections": sorted(args.sections.split(","))}
    if unknown := sorted(set(settings["sections"]) - set(SECTIONS)):
        raise SystemExit(f"error: there is no section {', '.join(unknown)}; valid: {', '.join(SECTIONS)}")
    args.output.mkdir(parents=True, exist_ok=True)
    if given or len(settings["sections"]) < len(SECTIONS):
        name += "-part"  # of other settings: it does not replace the whole
    partial = args.output / f"{name}.partial.json"
    state = _resumed(partial, _identity(name, settings))
    with tempfile.TemporaryDirectory(prefix="valence-gap-bench-") as folder:
        setup = _setup(Path(folder), settings, tiny=args.tiny)
        _measure(state, setup, partial)
    text = markdown(state, SECTIONS)
    _write(args.output / f"{name}.json", state.to_json())
    _write(args.output / f"{name}.md", text)
    partial.unlink()
    print(text)
    return 0 if all(each.passed for each in state.checks) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="320 utterances, both formats, the check of the losses")
    size.add_argument("--tiny", action="store_true", help="a small model, in seconds")
    parser.add_argument("--sections", default=",".join(SECTIONS), help="letters (default: %(default)s)")
    parser.add_argument("--utterances", type=int, help="number of utterances")
    parser.add_argument("--rounds", type=int, help="rounds")
    parser.add_argument("--formats", choices=["faster", "both", "fp32", "bf16"], help="number formats of a and b")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of a and b (default: %(default)s)")
    here = Path(__file__).parent / "results"
    parser.add_argument("--output", type=Path, default=here, help="folder of the results (default: benchmarks/results)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser


def _identity(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What must be equal for a stopped run to be continued."""
    about = {"cpu": provenance.cpu_model(), "versions": provenance.versions(), "git_commit": provenance.git_commit()}
    return {"name": name, **settings, **about}


def _resumed(partial: Path, identity: dict[str, Any]) -> State:
    if partial.is_file():
        found = State.from_json(partial.read_text(encoding="utf-8"))
        if found.settings == identity:
            _say(f"continuing after {len(found.measurements)} runs of {partial}")
            return found
        _say(f"{partial} is of other settings, another commit or another CPU: starting again")
    return State(identity)


def _setup(folder: Path, settings: dict[str, Any], *, tiny: bool) -> Setup:
    setup = Setup(
        folder=folder / "material",
        scratch=folder / "scratch",
        utterances=settings["utterances"],
        threads=settings["threads"],
        batch_size=settings["batch_size"],
        repeats=settings["repeats"],
        tiny=tiny,
    )
    _say(f"making {setup.utterances} utterances and the models")
    setup.folder.mkdir()
    make(setup)
    return setup


def _measure(state: State, setup: Setup, partial: Path) -> None:
    """Run what is missing: the sides in turn in each round, then the check; save after each."""
    if not state.formats:
        wanted = state.settings["formats"]
        if wanted in ("faster", "both"):
            faster = _rates(state, setup)["choice"]
            others = {"fp32", "bf16"} - {faster} if wanted == "both" else ()
            state.formats = [faster, *others]
        else:
            state.formats = [wanted]
    for letter in state.settings["sections"]:
        sides = _sides(letter, state)
        for number in range(state.settings["rounds"]):
            _round(state, setup, partial, letter, sides, number)
        unchecked = not any(each.section == letter for each in state.checks)
        if unchecked and len(sides) > 1 and (letter != "a" or state.settings["losses"]):
            answer = _run(setup, {"section": letter, "check": True})
            state.checks.append(Check(**answer))
            _write(partial, state.to_json())
            _say(f"{letter}: {state.checks[-1]}")


def _sides(letter: str, state: State) -> tuple[str, ...]:
    """The sides that can run; a note says which cannot."""
    sides = SECTIONS[letter].sides
    if letter == "d":
        import log_mel

        missing = [name for name in log_mel.OTHERS if name not in log_mel.installed()]
        note = f"d: skipped, since they cannot be imported here: {', '.join(missing)}"
        if missing and note not in state.notes:
            state.notes.append(note)
        return tuple(name for name in sides if name not in missing)
    return sides


def _round(state: State, setup: Setup, partial: Path, letter: str, sides: tuple[str, ...], number: int) -> None:
    formats = state.formats if SECTIONS[letter].by_format else [""]
    done = {each.key for each in state.measurements}
    left = [(side, each) for each in formats for side in sides if (letter, side, each, number) not in done]
    rates = _rates(state, setup) if left and SECTIONS[letter].by_format else {}
    for side, precision in left:
        answer = _run(setup, {"section": letter, "side": side, "precision": precision})
        gflops = rates.get(f"{precision}_gflops", 0.0)
        found = Measurement(letter, side, precision, number, gflops=gflops, **answer)
        state.measurements.append(found)
        _write(partial, state.to_json())
        speed = found.audio_s / found.seconds
        _say(f"{letter}, round {number + 1}: {side} {precision} {found.seconds:.1f} s, {speed:.3g} x real time")


def _rates(state: State, setup: Setup) -> dict[str, Any]:
    """Measure the rates of products now, and keep them with the results."""
    from valence_gap.runtime.product_rates import measure

    state.rates.append(asdict(measure(setup.threads)))
    return state.rates[-1]


def _run(setup: Setup, request: dict[str, Any]) -> dict[str, Any]:
    """Run one side or check, in a process of its own; in this one if the setup is tiny, where times mean nothing."""
    shutil.rmtree(setup.scratch, ignore_errors=True)
    setup.scratch.mkdir()
    whole = request | {"setup": setup.to_json()}
    return work(whole) if setup.tiny else run_apart(Path(__file__), whole)


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Run one side, or the check of a section, and return JSON values."""
    setup = Setup.from_json(request["setup"])
    module = importlib.import_module(SECTIONS[request["section"]].module)
    if request.get("check"):
        return asdict(module.check(setup))
    started = time.process_time()
    outcome = module.run(request["side"], request["precision"], setup)
    return asdict(outcome) | {"cpu_s": time.process_time() - started, "peak_mb": provenance.peak_memory_mb()}


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
