"""The README is one screen after another that can be read in minutes, and says what is true."""

import copy
import re
import shlex
from pathlib import Path

import yaml
from snakemake.utils import update_config

from valence_gap.cli import parser
from valence_gap.runtime.data_files import read_reference
from valence_gap.study.study import load

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
LINES, WORDS = 150, 1_200
PROSE = re.sub(r"```.*?```|!?\[([^]]*)\]\([^)]*\)", r"\1", TEXT, flags=re.DOTALL)


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) <= LINES
    assert len([word for line in PROSE.splitlines() if not line.startswith("|") for word in line.split()]) <= WORDS


def test_its_contents_name_every_section_after_them() -> None:
    titles = re.findall(r"^## (.+)$", TEXT, flags=re.MULTILINE)
    anchors = ["#" + re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
    assert re.findall(r"\]\((#[\w-]+)\)", TEXT) == anchors


def test_what_it_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXT)
    local = [link for link in links if not link.startswith("https://")]
    assert [link for link in local if not (ROOT / link).exists()] == []
    assert {link for link in links if link.startswith("https://")} == {"https://doi.org/10.1109/TPAMI.2023.3263585"}


def test_the_paper_s_numbers_are_the_published_ones() -> None:
    published = read_reference("figure_2.csv").set_index(["model", "corpus", "dimension"])["ccc"]
    rows = {row[0].partition(",")[0]: row[1:] for row in table("test set of MSP-Podcast, CCC")}
    for model, shown in (("cnn14", "CNN14"), ("w2v2-L-robust", "w2v2-L-robust")):
        expected = [f"{published[model, 'msp-podcast', each]:.3f}"[1:] for each in ("arousal", "dominance", "valence")]
        assert [cell.strip("*") for cell in rows[shown]] == expected
    for key in (
        ("w2v2-L-robust", "iemocap", "valence"),
        ("w2v2-L-robust", "cmu-mosi", "valence"),
        ("w2v2-L-robust-12", "msp-podcast", "valence"),
    ):
        assert re.search(rf"[ (]{re.escape(f'{published[key]:.3f}'[1:])}\b", TEXT)
    best = yaml.safe_load((ROOT / "workflow/presets/paper.yaml").read_text())["claims"]["references"][
        "state-of-the-art"
    ]
    assert rows["the best published result without transformers"] == [f"{ccc:.3f}"[1:] for ccc in best.values()]


def table(head: str) -> list[list[str]]:
    """The cells of the rows below a head."""
    lines = TEXT.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_its_commands_exist() -> None:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)
    shell = [block for language, block in blocks if not language]
    commands = [shlex.split(line, comments=True) for block in shell for line in block.splitlines()]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert {command[0] for command in commands} == {"pip", "valence-gap", "make"}
    assert {command[1] for command in commands if command[0] == "make"} <= set(targets)
    for command in commands:
        if command[0] == "valence-gap":
            assert callable(parser().parse_args(command[1:]).run)


def test_its_configurations_are_valid() -> None:
    found = re.findall(r"^```yaml\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)
    default = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert len(found) == 2
    for block in found:
        configuration = copy.deepcopy(default)
        update_config(configuration, yaml.safe_load(block))
        assert load(configuration).targets == ("figure_02",)


def test_numbers_of_a_run_stand_in_marked_blocks() -> None:
    blocks = re.findall(r"<!-- run: [\w-]+ -->\n.*?\n<!-- end -->\n", TEXT, flags=re.DOTALL)
    assert len(blocks) == TEXT.count("<!-- run:") == TEXT.count("<!-- end -->") == 1
    outside = TEXT.replace(blocks[0], "")
    assert not re.search(r"\d+ (?:supported|contradicted|inconclusive|claims)", outside)


def test_ccc_is_spelled_out_before_it_is_used() -> None:
    assert TEXT.index("concordance correlation coefficient (CCC)") == TEXT.index("CCC") - len(
        "concordance correlation coefficient ("
    )
