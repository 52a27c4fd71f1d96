"""The tables of ``benchmarks/gpu.py``, as Markdown, and ratios between two commits."""

from collections.abc import Iterator
from typing import Any

# What each number is called, its unit, and how it is printed.
QUANTITIES = {
    "audio_s_per_s": ("audio", "s per s", "{:,.0f}"),
    "step_ms": ("step", "ms", "{:.1f}"),
    "waited_ms": ("of it waiting for the loader", "ms", "{:.2f}"),
    "nominal_share": ("share of the bf16 rate", "%", "{:.1%}"),
    "nominal_tflops": ("nominal rate", "TFLOP/s", "{:.1f}"),
    "busy": ("card busy", "%", "{:.1%}"),
    "kernel_ms": ("kernels, per step", "ms", "{:.1f}"),
    "launches": ("launches per step", "", "{:,.0f}"),
    "kernels": ("kernels per step", "", "{:,.0f}"),
    "waits": ("host waits for the card, per step", "", "{:.2f}"),
    "ms_per_utterance": ("per utterance", "ms", "{:.2f}"),
    "us_per_launch": ("launch of an eager operation", "us", "{:.1f}"),
    "us_per_linear": ("small linear layer, forward and backward", "us", "{:.0f}"),
    "bf16_tflops": ("bf16", "TFLOP/s", "{:,.1f}"),
    "tf32_tflops": ("TF32", "TFLOP/s", "{:,.1f}"),
    "fp32_tflops": ("fp32", "TFLOP/s", "{:,.1f}"),
    "peak_gb": ("peak memory of tensors", "GB", "{:.1f}"),
    "reserved_gb": ("peak memory reserved", "GB", "{:.1f}"),
    "steps": ("measured steps", "", "{:.0f}"),
}
UNCOMPARED = ("steps",)
NOTE = (
    "Busy: the time in which at least one kernel ran, by a profile, divided by the time of the same steps without it. "
    "Nominal: operations of the valid frames, three times those of the forward pass, with no layer dropped."
)

Found = dict[str, Any]


def ratios(before: Found, after: Found) -> dict[str, dict[str, dict[str, float]]]:
    """Numbers of the later commit divided by those of the earlier one, by section, case and quantity."""
    earlier = {each["section"]: each["rows"] for each in before["sections"]}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for section in after["sections"]:
        for case, row in section["rows"].items():
            other = earlier.get(section["section"], {}).get(case, {})
            both = {key: row[key] / other[key] for key in row if other.get(key) and key not in UNCOMPARED}
            if both:
                found.setdefault(section["section"], {})[case] = both
    return found


def markdown(found: Found) -> str:
    """The card, the versions, and a table for each section; with an earlier commit, its numbers and the ratios."""
    after, before = found["after"], found.get("before")
    lines = [f"# {after['about'].get('card', 'unknown card')}", "", *_about(found), "", NOTE]
    lines += ["", *faster] if (faster := list(_against_trainer(after))) else []
    earlier = {each["section"]: each for each in before["sections"]} if before else {}
    for section in after["sections"]:
        other = earlier.get(section["section"])
        lines += ["", f"## {section['section']}: {section['title']}", ""]
        table = list(_table(section, other))
        lines += table
        remarks = list(_remarks(section, "")) + list(_remarks(other, "before: ") if other else [])
        lines += ([""] if table and remarks else []) + remarks
    return "\n".join(lines) + "\n"


def _against_trainer(found: Found) -> Iterator[str]:
    """Seconds of audio per second of this project, divided by those of ``transformers.Trainer``."""
    rows = {each["section"]: each["rows"] for each in found["sections"]}
    for case, row in rows.get("trainer", {}).items():
        kind = case.partition(",")[0]
        for shapes in ("shapes new", "shapes seen before"):
            if ours := rows.get(kind, {}).get(shapes):
                ratio = ours["audio_s_per_s"] / row["audio_s_per_s"]
                yield f"- Against Trainer, {case}: {ratio:.2f} times the audio per second, {shapes}."


def _about(found: Found) -> Iterator[str]:
    about = found["after"]["about"]
    card = [f"{about[key]} {unit}" for key, unit in (("card_gb", "GB"), ("multiprocessors", "SMs")) if about.get(key)]
    card += [f"{key} {about[key]}" for key in ("driver", "cuda", "cudnn") if about.get(key)]
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    card.append(f"host: {about.get('host', 'unknown')}")
    yield f"{', '.join(card)}; {versions}; budget {found['budget_s']:g} s."
    commit = about.get("git_commit") or "unknown"
    if "before" not in found:
        yield f"Commit {commit}."
        return
    earlier = found["before"]["about"].get("git_commit") or "unknown"
    yield f"After: commit {commit}. Before: commit {earlier}, in another process on the same card."


def _table(section: Found, other: Found | None) -> Iterator[str]:
    rows = {case: dict(row) for case, row in section["rows"].items()}
    earlier = other["rows"] if other else {}
    if not rows and not earlier:
        return
    head = ["case", "quantity", *(["before", "after", "after / before"] if other else ["value"])]
    yield _line(head)
    yield _line(["---"] * len(head))
    for case in dict.fromkeys([*rows, *earlier]):
        ours, theirs = rows.get(case, {}), earlier.get(case, {})
        for key in [each for each in QUANTITIES if each in ours or each in theirs]:
            name, unit, _ = QUANTITIES[key]
            values = [_shown(key, ours)]
            if other:
                compared = key in ours and theirs.get(key) and key not in UNCOMPARED
                values = [_shown(key, theirs), *values, f"{ours[key] / theirs[key]:.2f}" if compared else ""]
            yield _line([case, name + (f" ({unit})" if unit else ""), *values])


def _shown(key: str, row: dict[str, float]) -> str:
    return QUANTITIES[key][2].format(row[key]).removesuffix("%") if key in row else ""


def _remarks(section: Found, prefix: str) -> Iterator[str]:
    if "error" in section:
        yield f"- {prefix}FAILED: {section['error']}"
    for note in section["notes"]:
        yield f"- {prefix}{note}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
