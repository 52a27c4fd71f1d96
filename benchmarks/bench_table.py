"""The table of the measurements, as Markdown."""

import statistics
from collections.abc import Mapping

from side_by_side import Row, Section, State, rows_of

HEAD = ("format", "side", "x real time", "time / time of the first side", "share of the product rate", "peak MB")
FIELDS = ("fp32_gflops", "bf16_gflops")


def markdown(state: State, sections: Mapping[str, Section]) -> str:
    """The settings, the rates of products, a table for each section, the checks and what was left out."""
    settings = state.settings
    rounds = f"{settings['rounds']} round{'s' * (settings['rounds'] > 1)}"
    lines = [
        f"# {settings['name']}",
        "",
        f"{settings['cpu']}; {settings['threads']} threads in a and b, one in c to e; {settings['utterances']} "
        f"utterances, {rounds}; commit {settings['git_commit'] or 'unknown'}.",
    ]
    lines += _rates(state)
    for letter in settings["sections"]:
        rows = rows_of(sections[letter], [each for each in state.measurements if each.section == letter])
        lines += ["", f"## {letter}: {sections[letter].title}", "", _row(HEAD), _row(["---"] * len(HEAD))]
        lines += [_row(_cells(row)) for row in rows]
    lines += ["", "## Checks", ""]
    for check in state.checks:
        verdict = "equal" if check.passed else "DIFFERENT"
        lines.append(f"- {check.section}: {check.what}: {verdict}, {check.value:.2g} (limit {check.limit:.2g})")
    lines += [f"- {note}" for note in state.notes]
    return "\n".join(lines) + "\n"


def _rates(state: State) -> list[str]:
    if not state.rates:
        return []
    fp32, bf16 = (statistics.median(each[name] for each in state.rates) for name in FIELDS)
    return [f"Large products: {fp32:.0f} GFLOP/s in fp32, {bf16:.0f} in bf16 (median of {len(state.rates)})."]


def _cells(row: Row) -> list[str]:
    ratio = "" if row.ratio is None else ("{:.2f} ({:.2f}-{:.2f})" if row.rounds > 1 else "{:.2f}").format(*row.ratio)
    share = "" if row.share is None else f"{100 * row.share:.0f} %"
    peak = "unknown" if row.peak_mb is None else f"{row.peak_mb:.0f}"
    return [row.precision, row.side, f"{row.realtime:.3g}", ratio, share, peak]


def _row(cells: "list[str] | tuple[str, ...]") -> str:
    return f"| {' | '.join(cells)} |"
