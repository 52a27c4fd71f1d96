"""The parts of pages that are generated."""

import argparse
import re
from pathlib import Path

import networkx as nx
import pytest
from documentation import DOCS, ROOT
from generate import check_links, command_reference, configuration_reference, pages, rule_graph

from valence_gap import cli
from valence_gap.study.study import schema

DOT = """digraph snakemake_dag {
    graph[bgcolor=white, margin=0];
	0[label = "all", color = "0.00 0.6 0.85", style="rounded"];
	1[label = "figure_02", color = "0.15 0.6 0.85", style="rounded"];
	2[label = "figure_06", color = "0.15 0.6 0.85", style="rounded"];
	3[label = "score", color = "0.52 0.6 0.85", style="rounded"];
	4[label = "predict", color = "0.52 0.6 0.85", style="rounded"];
	1 -> 0
	2 -> 0
	3 -> 1
	3 -> 2
	4 -> 3
	4 -> 1
	4 -> 4
}"""


def test_the_graph_shows_each_rule_once_and_no_edge_that_a_path_implies() -> None:
    graph = rule_graph.simplified(rule_graph.parse_dot(DOT))
    assert set(graph.edges) == {("predict", "score"), ("score", "figure_02, 06")}
    assert rule_graph.rows_of(graph) == [["predict"], ["score"], ["figure_02, 06"]]


def test_the_drawing_is_the_same_file_each_time(tmp_path: Path) -> None:
    graph = rule_graph.simplified(rule_graph.parse_dot(DOT))
    for name in ("first", "second"):
        rule_graph.draw(graph, tmp_path / f"{name}.svg")
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    assert "<svg" in (tmp_path / "first.svg").read_text()


def test_the_order_in_rows_avoids_crossings() -> None:
    graph: nx.DiGraph[str] = nx.DiGraph([("a", "z"), ("b", "y"), ("c", "x")])
    assert rule_graph.rows_of(graph) in ([["a", "b", "c"], ["z", "y", "x"]], [["c", "b", "a"], ["x", "y", "z"]])


def test_the_table_names_what_a_rule_reads() -> None:
    rules = rule_graph.Rules({"score": "Compute | it.", "other": "Alone."}, rule_graph.parse_dot(DOT))
    assert rule_graph.table(rules).splitlines()[2:] == [
        "| `other` | Alone. |  |",
        "| `score` | Compute / it. | `predict` |",
    ]


def test_the_configuration_reference_has_every_key() -> None:
    text = configuration_reference.reference()
    whole = schema()
    assert re.findall(r"^## (\w+)$", text, flags=re.MULTILINE)[:3] == ["study", "note", "seed"]
    assert set(re.findall(r"^## (\w+)$", text, flags=re.MULTILINE)) == set(whole["properties"])
    described = set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))
    assert {key for one in whole["$defs"].values() for key in one.get("properties", {})} <= described


def rows_at(path: str) -> dict[str, str]:
    """The rows of the table of the keys at a place of the configuration."""
    section = configuration_reference.reference().partition(f"Keys of `{path}`.")[2].partition("\nKeys of ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section.partition("\n## ")[0], flags=re.MULTILINE))


def test_the_configuration_reference_gives_default_unit_and_source() -> None:
    recipe = rows_at("recipes.<name>")
    assert recipe["learning_rate"].endswith("| number > 0 | `0.0001` |  | paper, III-B")
    assert recipe["evaluate_every"].endswith("| `null` |  | [open](deviations.md)")
    assert rows_at("backbones.<name>")["hop_s"].endswith("| number > 0 | `0.01` | s | paper, III-B")
    assert rows_at("conditions.<name>")["snr_db"].endswith("| number or null | `null` | dB | paper, III-D")
    assert rows_at("corpora.<name>")["adapter"].endswith("| text | required |  | ")


def test_sources_name_keys_that_exist() -> None:
    definitions = schema()["$defs"]
    for kind, keys in configuration_reference.PAPER.items():
        assert set(keys) <= set(definitions[kind]["properties"]), kind
        assert not (kind == "Recipe" and set(keys) & configuration_reference.open_keys())


def test_the_command_reference_has_every_option() -> None:
    text = command_reference.reference()
    for action in cli.parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                section = text.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
                assert section.strip(), name
                for option in sub._actions:
                    assert (
                        option.dest == "help"
                        or (option.option_strings or [str(option.metavar or option.dest)])[0] in section
                    )


def test_commands_of_rules_name_their_rules() -> None:
    called = command_reference.callers()
    assert called["train"] == ["finetune"]
    assert called["score"] == ["score"]
    assert "verify" not in called
    assert "Called by: `finetune`." in command_reference.reference()


@pytest.mark.parametrize(
    ("page", "before", "after"),
    [
        ("results.md", "[m](../README.md#what)", "[m](/index.md)"),
        ("tutorials/a.md", "[m](../preflight.md)", "[m](../preflight.md)"),
        ("a.md", "[c](../CONTRIBUTING.md)", "[c](/contributing.md)"),
        ("a.md", "[`config.yaml`](../config.yaml)", "`config.yaml`"),
        ("a.md", "[the preset](../workflow/presets/paper.yaml)", "the preset (`workflow/presets/paper.yaml`)"),
        ("a.md", "![p](figures/figure_02.png) [x](https://a.org)", "![p](figures/figure_02.png) [x](https://a.org)"),
        ("a.md", "[r](runs/README.md)", "r (`docs/runs/README.md`)"),
        ("a.md", "[f](figures)", "f (`docs/figures`)"),
        ("../CHANGELOG.md", "[d](docs/deviations.md#data)", "[d](/deviations.md#data)"),
    ],
)
def test_links_out_of_the_site_are_replaced(page: str, before: str, after: str) -> None:
    assert pages.with_working_links(before, (DOCS / page).resolve()) == after


def test_every_page_is_in_the_table_of_contents(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text("```{toctree}\nfirst\n```\n")
    for name in ("first", "limits", "unnamed", "results"):
        (tmp_path / f"{name}.md").touch()
    lines = pages.results_contents(tmp_path).splitlines()
    assert lines[lines.index("") + 1 : -1] == ["results", "limits", "unnamed"]


def test_the_link_check_finds_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="top"><a href="b.html#there"></a><a href="b.html#gone"></a><a href="c.html"></a>'
        '<a href="../x"></a><a href="https://a.org"></a><a href="http://nowhere"></a><a href="#top"></a>'
        '<script src="https://a.org/s.js"></script><link href="https://a.org/s.css"><a href="ftp:x"></a></p>'
    )
    (tmp_path / "b.html").write_text('<p id="there"></p>')
    assert list(check_links.wrong_links(tmp_path)) == [
        "a.html: b.html#gone: no such anchor",
        "a.html: c.html: no such file",
        "a.html: ../x: leads out of the site",
        "a.html: http://nowhere: no valid address",
        "a.html: https://a.org/s.js: loaded from the network",
        "a.html: https://a.org/s.css: loaded from the network",
        "a.html: ftp:x: unknown kind of address",
    ]
    (tmp_path / "index.html").touch()
    assert check_links.main(tmp_path) == 1


def test_the_link_check_needs_a_site(tmp_path: Path) -> None:
    assert check_links.main(tmp_path) == 1
    (tmp_path / "index.html").write_text('<a href="#">top</a>')
    assert check_links.main(tmp_path) == 0


def test_a_failure_of_snakemake_is_shown() -> None:
    with pytest.raises(RuntimeError, match="--nonsense"):
        rule_graph.snakemake("--nonsense")


def test_the_pages_of_project_files_exist() -> None:
    assert all((ROOT / name).is_file() and (DOCS / page).is_file() for name, page in pages.PAGES.items())
