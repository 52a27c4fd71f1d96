"""The process in which the sections of ``benchmarks/gpu.py`` run, with the package of one checkout.

It writes what it has found after each section, so that a section that ends the process takes only itself along.
"""

import json
import platform
import sys
import tempfile
import time
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("valence-gap", "torch", "transformers", "accelerate", "numpy", "pandas", "pyarrow", "pydantic", "triton")
LATE_BY_S = 45.0  # a section that is later than twice its share and this does not end by itself
CPU_THREADS = 4  # of a training, as in the study of the paper


def main() -> None:
    """Run the request, a JSON object, that is the only argument."""
    request = json.loads(sys.argv[1])
    output = Path(request["output"])
    found: dict[str, Any] = {"about": {}, "sections": [], "running": None}
    with tempfile.TemporaryDirectory(prefix="valence-gap-gpu-") as folder:
        try:
            sections, bench = _prepared(request, Path(folder))
        except Exception as error:  # an earlier commit may not have what the sections import
            _write(output, found | {"unusable": f"{type(error).__name__}: {error}"})
            raise
        bench.bf16_tflops = request["bf16_tflops"]
        found["about"] = about(bench.device)
        left = list(request["sections"])
        while left:
            name, left = left[0], left[1:]
            section = sections[name]
            others = sum(sections[each].weight for each in left)
            share = max(0.0, request["ends"] - time.time()) * section.weight / (section.weight + others)
            found["running"] = {"section": name, "limit_s": 2 * share + LATE_BY_S}
            _write(output, found)
            done = _one(name, section, bench, share, profile=request["profile"])
            found["sections"].append(done | {"bf16_tflops": bench.bf16_tflops})
            found["running"] = None
            _write(output, found)
            _say(done)
            _check(bench.device)


def _prepared(request: dict[str, Any], folder: Path) -> tuple[dict[str, Any], Any]:
    """The sections, and what they share: imports of the package are part of what an earlier commit may not have."""
    import valence_gap

    source = Path(request["tree"]) / "src"
    imported = Path(str(valence_gap.__file__)).resolve()
    if not imported.is_relative_to(source.resolve()):
        raise RuntimeError(f"valence_gap was imported from {imported.parent}, not from {source}")
    from gpu_material import Material
    from gpu_sections import SECTIONS, Bench

    from valence_gap.runtime import gpu_memory, heap, precision

    heap.keep_freed_memory()  # as a job of the study does
    gpu_memory.use_growing_segments()
    device = precision.device()
    threads = 1 if request["tiny"] else CPU_THREADS
    torch.set_num_threads(threads)
    return dict(SECTIONS), Bench(Material(folder, request["tiny"], threads), device)


def _one(name: str, section: Any, bench: Any, share: float, *, profile: bool = False) -> dict[str, Any]:
    """Run one section, or its profile; whatever happens in it is part of the result."""
    from gpu_sections import Report, Window

    report, started, error = Report(), time.perf_counter(), None
    if share < section.least_s and not bench.material.tiny:
        report.notes.append(f"skipped, needs about {section.least_s:g} s, and its share of the time is {share:.1f} s")
    else:
        try:
            (section.profile if profile else section.measure)(bench, Window(share), report)
        except Exception as problem:
            error = f"{type(problem).__name__}: {str(problem).strip() or 'no message'}"
            traceback.print_exc()
    if error:  # what failed may be half made
        bench.release()
    seconds = round(time.perf_counter() - started, 1)
    rows = {case: {key: float(f"{value:.6g}") for key, value in row.items()} for case, row in report.rows.items()}
    return {"section": name, "title": section.title, "seconds": seconds, "rows": rows, "notes": report.notes} | (
        {"error": error} if error else {}
    )


def about(device: torch.device) -> dict[str, Any]:
    """The card, its driver, the host, versions and the commit of the package."""
    from valence_gap.runtime import gpu_check, precision, provenance

    found: dict[str, Any] = {"card": "CPU", "host": precision.name_of(torch.device("cpu"))}
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found |= {
            "card": properties.name,
            "card_gb": round(properties.total_memory / 1e9, 1),
            "multiprocessors": properties.multi_processor_count,
            "driver": gpu_check.driver_version() or None,
            "cuda": torch.version.cuda or torch.version.hip,
            "cudnn": torch.backends.cudnn.version(),
        }
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found | {"versions": versions, "git_commit": provenance.git_commit()}


def _check(device: torch.device) -> None:
    """End the process if a section has left the GPU unusable; the other sections then run in another one.

    Raises:
        RuntimeError: from PyTorch.
    """
    torch.ones(1, device=device).add_(1).item()


def _write(output: Path, found: dict[str, Any]) -> None:
    scratch = output.with_suffix(".partial")
    scratch.write_text(json.dumps(found), encoding="utf-8")
    scratch.replace(output)


def _say(done: dict[str, Any]) -> None:
    print(
        f"{done['section']}: {done['seconds']:.0f} s{', ' + done['error'] if 'error' in done else ''}", file=sys.stderr
    )
    for note in done["notes"]:
        print(f"  {note}", file=sys.stderr)
    for case, row in done["rows"].items():
        print(f"  {case}: {', '.join(f'{key} {value:.4g}' for key, value in row.items())}", file=sys.stderr)
    sys.stderr.flush()


if __name__ == "__main__":
    main()
