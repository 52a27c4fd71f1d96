"""Measure on a GPU how fast trainings, predictions and stem features are, and how much of the time the GPU works.

    python benchmarks/gpu.py                        200 s
    python benchmarks/gpu.py --budget 500 --before ../earlier    and the same with the package of another checkout
    python benchmarks/gpu.py --only machine,large   only some sections
    python benchmarks/gpu.py --cpu --tiny           on small networks, to see that everything works

Sections share the time; each measures what fits into its share, and says what does not. They run in a process of their
own; if one of them fails, or ends the process, the others still run. Weights are random, and utterances of 2.75 to 11 s
are made up. Results are written to ``benchmarks/results/gpu-<card>.json`` and ``.md``; of ``--tiny`` runs, only where
``--output`` is given. The exit status is 1 if a section failed.

Only packages that a training imports are needed; what ``transformers.Trainer`` takes is measured where it is installed.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gpu_report import markdown, ratios

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
WORKER = ROOT / "benchmarks" / "gpu_worker.py"
NAMES = ("machine", "large", "prediction", "stem", "base", "random", "cnn14", "trainer")
TRAININGS = ("large", "base", "random", "cnn14")  # what is profiled
PROFILE_SHARE = 0.3  # of the time
OTHERS = ("trainer",)  # not of this project: the same for every commit
POLL_S = 0.2
LEAST_S = 20.0  # for another process, which imports PyTorch and makes its material
GRACE_S = 30.0  # for the last section beyond the budget
TINY_BUDGET_S = 600.0  # tiny runs are not cut short, however slow the machine is


def main() -> int:
    """Measure one checkout or two, and write the results."""
    args = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that no process is left behind
    only = args.only.split(",") if args.only else list(NAMES)
    if unknown := sorted(set(only) - set(NAMES)):
        raise SystemExit(f"error: there is no section {', '.join(unknown)}; valid: {', '.join(NAMES)}")
    budget = TINY_BUDGET_S if args.tiny else args.budget
    sections = [name for name in NAMES if name in only]
    share = budget / 2 if args.before else budget
    found: dict[str, Any] = {"budget_s": budget, "after": measure(ROOT, sections, share, args, args.commit)}
    if args.before:
        own = [name for name in sections if name not in OTHERS]
        found["before"] = measure(args.before.resolve(), own, share, args, args.before_commit)
        found["ratios"] = ratios(found["before"], found["after"])
    text = markdown(found)
    print(text)
    output = args.output or (None if args.tiny else RESULTS)
    if output is not None:
        _write(output, found, text)
    return 1 if any("error" in each for each in found["after"]["sections"]) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=200.0, metavar="SECONDS", help="in all (default: %(default)g)")
    parser.add_argument("--before", type=Path, metavar="PATH", help="checkout of an earlier commit, for half the time")
    parser.add_argument("--only", default="", metavar="NAMES", help=f"of {','.join(NAMES)}")
    parser.add_argument("--cpu", action="store_true", help="compute on the CPU")
    parser.add_argument("--tiny", action="store_true", help="small networks and few short utterances")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="of the results (default: benchmarks/results)")
    parser.add_argument("--commit", metavar="NAME", help="of this checkout, where git does not say it")
    parser.add_argument("--before-commit", metavar="NAME", help="of the other one, where git does not say it")
    return parser


def measure(tree: Path, sections: list[str], seconds: float, args: Any, commit: str | None) -> dict[str, Any]:
    """Run sections with the package of a checkout, and then the profiles of its trainings.

    A profile leaves every later launch of its process twice as dear, so the profiles have processes of their own.

    Args:
        tree: the checkout.
        sections: their names.
        seconds: for all of them.
        args: ``cpu`` and ``tiny``.
        commit: its name if git does not say it.

    Returns:
        ``about``: the card, the host, versions, commit; ``sections``: what each found, or its ``error``.
    """
    ends = time.time() + seconds
    found = _measured(tree, sections, ends - PROFILE_SHARE * seconds, args, profile=False)
    by_name = {each["section"]: each for each in found["sections"]}
    left = [name for name in TRAININGS if name in by_name and "error" not in by_name[name]]
    if left and ends - time.time() < LEAST_S:
        for name in left:
            by_name[name]["notes"].append("profile: skipped, no time is left")
    elif left:
        for profiled in _measured(tree, left, ends, args, profile=True)["sections"]:
            _merge(by_name[profiled["section"]], profiled)
    if commit and found["about"]:
        found["about"]["git_commit"] = found["about"].get("git_commit") or commit
    return found


def _merge(section: dict[str, Any], profiled: dict[str, Any]) -> None:
    """Add a profile to its section, with the share of the time in which the card worked."""
    for case, row in profiled["rows"].items():
        both = section["rows"].setdefault(case, {})
        both |= row
        if "kernel_ms" in both and "step_ms" in both:
            both["busy"] = float(f"{both['kernel_ms'] / both['step_ms']:.6g}")
    section["notes"] += profiled["notes"]
    section["seconds"] = round(section["seconds"] + profiled["seconds"], 1)
    if "error" in profiled:
        section["error"] = f"profile: {profiled['error']}"


def _measured(tree: Path, sections: list[str], ends: float, args: Any, *, profile: bool) -> dict[str, Any]:
    """Run sections, or their profiles, in as many processes as it takes, until a time."""
    found: dict[str, Any] = {"about": {}, "sections": []}
    left, rate = list(sections), None
    while left:
        if found["sections"] and ends - time.time() < LEAST_S:
            found["sections"] += [_not_run(name, "no time was left after another section failed") for name in left]
            break
        request = {"sections": left, "ends": ends, "profile": profile, "tiny": args.tiny, "tree": str(tree)}
        answer, problem = _run(request | {"bf16_tflops": rate}, cpu=args.cpu)
        found["about"] = answer["about"] or found["about"]
        found["sections"] += answer["sections"]
        rate = next((each["bf16_tflops"] for each in answer["sections"] if each["bf16_tflops"]), rate)
        left = left[len(answer["sections"]) :]
        if "unusable" in answer:
            found["sections"] += [_not_run(name, answer["unusable"]) for name in left]
            break
        if problem and left and answer["running"] is None and answer["sections"]:
            continue  # it ended after a section that has its result
        if left:
            found["sections"].append(_not_run(left.pop(0), problem or "the process ended early"))
    return found


def _not_run(name: str, why: str) -> dict[str, Any]:
    return {"section": name, "title": name, "seconds": 0.0, "rows": {}, "notes": [], "bf16_tflops": None, "error": why}


def _run(request: dict[str, Any], *, cpu: bool) -> tuple[dict[str, Any], str | None]:
    """Run a process; return what it wrote, and why it ended early."""
    with tempfile.TemporaryDirectory(prefix="valence-gap-gpu-results-") as folder:
        output = Path(folder) / "found.json"
        command = [sys.executable, str(WORKER), json.dumps(request | {"output": str(output)})]
        environment = _environment(Path(request["tree"]), cpu=cpu)
        process = subprocess.Popen(command, env=environment, stdout=2, start_new_session=True)
        try:
            problem = _watched(process, output, request["ends"] + GRACE_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # with the processes that load data for it
            process.wait()
        return _read(output), problem


def _environment(tree: Path, *, cpu: bool) -> dict[str, str]:
    """The environment of a process: the package of the checkout, and one GPU, as a job of the study has."""
    paths = [str(tree / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    found = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}
    found |= {"TOKENIZERS_PARALLELISM": "false"}
    if cpu:
        return found | {"VALENCE_GAP_DEVICE": "cpu"}
    found.setdefault("CUDA_VISIBLE_DEVICES", "0")
    return found


def _watched(process: "subprocess.Popen[bytes]", output: Path, ends: float) -> str | None:
    """Wait for a process; return why it did not end well. One that hangs in a section is to be ended."""
    running, begun = None, time.time()
    while process.poll() is None:
        now, current = time.time(), _read(output)["running"]
        if current != running:
            running, begun = current, now
        if now > ends or (running and now - begun > running["limit_s"]):
            return f"stopped after {now - begun:.0f} s"
        time.sleep(POLL_S)
    return f"the process ended with status {process.returncode}" if process.returncode else None


def _read(output: Path) -> dict[str, Any]:
    if not output.is_file():
        return {"about": {}, "sections": [], "running": None}
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return found


def _write(folder: Path, found: dict[str, Any], text: str) -> None:
    card = found["after"]["about"].get("card", "unknown")
    name = "gpu-" + re.sub(r"[^a-z0-9]+", "-", card.lower()).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    print(f"written: {folder / name}.json and .md", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
