"""The rules of the workflow: a table, and a drawing of which rule reads what another one makes."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import networkx as nx
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
TARGETS = ("all", "export", "pretrain_miniature")
"""Together they need every rule that makes something, except for those that only evaluated models need."""
COLLECTING = {"all", "pretrain_miniature"}
"""Rules that make nothing themselves."""
SWEEPS = 8
ROW_IN, WIDTH_IN = 0.72, 10.5
BOX_HALF = 0.13  # half the height of a box, in rows

# The same picture gives the same file.
mpl.rcParams["svg.hashsalt"] = "valence-gap"


@dataclass(frozen=True)
class Rules:
    """The workflow's rules.

    Attributes:
        texts: rule -> what it does, for all rules.
        graph: an edge from each rule to each rule that reads its outputs; only rules that ``TARGETS`` need.
    """

    texts: Mapping[str, str]
    graph: "nx.DiGraph[str]"


def snakemake(*arguments: str) -> str:
    """Run Snakemake on the workflow, in an empty folder, and return what it prints.

    Raises:
        RuntimeError: Snakemake failed; with what it says.
    """
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "1"]
        command += ["--snakefile", str(ROOT / "Snakefile"), "--directory", empty]
        done = subprocess.run(command, cwd=empty, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"snakemake {' '.join(arguments)} failed: {done.stderr}")
    return done.stdout


def read_rules() -> Rules:
    """Ask Snakemake for the rules and for their graph."""
    texts = dict(re.findall(r"^(\w+) \((.*)\)$", snakemake("--list"), flags=re.MULTILINE))
    return Rules(texts, parse_dot(snakemake(*TARGETS, "--rulegraph", "dot")))


def parse_dot(text: str) -> "nx.DiGraph[str]":
    """The graph that ``snakemake --rulegraph dot`` prints."""
    names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)"', text, flags=re.MULTILINE))
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(names.values())
    graph.add_edges_from((names[one], names[other]) for one, other in re.findall(r"(\d+) -> (\d+)", text))
    return graph


def table(rules: Rules) -> str:
    """A Markdown table: rule, what it does, the rules whose outputs it reads."""
    rows = ["| rule | what it does | reads the outputs of |", "|---|---|---|"]
    for name, text in sorted(rules.texts.items()):
        read = sorted(rules.graph.predecessors(name)) if name in rules.graph else []
        rows.append(f"| `{name}` | {text.replace('|', '/')} | {', '.join(f'`{one}`' for one in read)} |")
    return "\n".join(rows)


def simplified(graph: "nx.DiGraph[str]") -> "nx.DiGraph[str]":
    """The graph without edges that a longer path implies; figures and tables with the same neighbours are one node."""
    shown = nx.DiGraph(graph.subgraph(set(graph) - COLLECTING))
    shown.remove_edges_from(list(nx.selfloop_edges(shown)))  # a backbone may continue another one
    reduced = nx.transitive_reduction(shown)
    alike: dict[tuple[object, ...], list[str]] = {}
    for name in sorted(reduced):
        neighbours = (frozenset(reduced.predecessors(name)), frozenset(reduced.successors(name)))
        key = neighbours if name.startswith(("figure_", "table_")) else (name,)
        alike.setdefault(key, []).append(name)
    labels = {name: joined(names) for names in alike.values() for name in names}
    return nx.relabel_nodes(reduced, labels)


def joined(names: Sequence[str]) -> str:
    """One label for several rules: ``figure_02, 08, 09``."""
    first, *others = names
    prefix = first.rpartition("_")[0] + "_"
    return ", ".join([first, *(name.removeprefix(prefix) for name in others)])


def rows_of(graph: "nx.DiGraph[str]") -> list[list[str]]:
    """The nodes in rows, each below all that it reads, ordered inside a row so that few edges cross."""
    rows = [sorted(row) for row in nx.topological_generations(graph)]
    position = {name: (index + 1) / (len(row) + 1) for row in rows for index, name in enumerate(row)}
    for sweep in range(SWEEPS):
        neighbours = graph.predecessors if sweep % 2 == 0 else graph.successors
        for row in rows if sweep % 2 == 0 else reversed(rows):
            means = {
                name: sum(position[one] for one in near) / len(near)
                if (near := list(neighbours(name)))
                else position[name]
                for name in row
            }
            row.sort(key=lambda name: (means[name], name))
            position |= {name: (index + 1) / (len(row) + 1) for index, name in enumerate(row)}
    return rows


def draw(graph: "nx.DiGraph[str]", path: Path) -> None:
    """Draw the simplified graph as SVG."""
    rows = rows_of(graph)
    figure = Figure(figsize=(WIDTH_IN, ROW_IN * len(rows)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(-len(rows) + 0.5, 0.5)
    places = {name: place for number, row in enumerate(rows) for name, place in places_in_row(row, number)}
    arrow = {"arrowstyle": "-|>", "color": "#7b8794", "lw": 0.9, "shrinkA": 0, "shrinkB": 0}
    for one, other in sorted(graph.edges):
        (start_x, start_y), (end_x, end_y) = places[one], places[other]
        axes.annotate("", (end_x, end_y + BOX_HALF), (start_x, start_y - BOX_HALF), arrowprops=arrow)
    for name, (x, y) in places.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": "#eef4fb", "edgecolor": "#0072b2", "linewidth": 0.8}
        axes.text(x, y, name, ha="center", va="center", fontsize=7.5, bbox=box)
    figure.savefig(path, format="svg", metadata={"Date": None})


def places_in_row(row: Sequence[str], number: int) -> list[tuple[str, tuple[float, float]]]:
    """The centre of each label of a row; a long label has more room."""
    widths = [len(name) + 6 for name in row]
    total, left, places = sum(widths), 0.0, []
    for name, width in zip(row, widths, strict=True):
        places.append((name, ((left + width / 2) / total, float(-number))))
        left += width
    return places
