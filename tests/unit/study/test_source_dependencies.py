import argparse
import ast
import inspect
import re
import textwrap
from pathlib import Path

import pytest

from valence_gap import cli
from valence_gap.study.revisions import REVISIONS, STAGES
from valence_gap.study.source_dependencies import IGNORED_FILES, ROOT, imports, source_dependencies

RULES = Path(__file__).parents[3] / "workflow" / "rules"


def rules_of_commands() -> list[tuple[str, str]]:
    """(sub-command, text) of every rule that runs one."""
    found = []
    for path in sorted(RULES.glob("*.smk")):
        for rule in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE):
            command = re.search(r"^ *(?:exec )?valence-gap ([a-z-]+) ", rule, flags=re.MULTILINE)
            if command:
                found.append((command[1], rule))
    return found


def stages_of_commands() -> list[tuple[str, str]]:
    """(sub-command, stage) of every rule that has a revision."""
    stages = [
        (command, re.search(r'revision=[^"]*REVISIONS\["(\w+)"\]', rule)) for command, rule in rules_of_commands()
    ]
    return [(command, stage[1]) for command, stage in stages if stage]


def code_of(command: str) -> list[Path]:
    """The files that the function of a sub-command imports when it runs."""
    (choices,) = (each.choices for each in cli.parser()._actions if isinstance(each, argparse._SubParsersAction))
    run = choices[command].get_default("run")
    helpers = [run.__globals__.get(name) for name in run.__code__.co_names]
    own = [run, *(each for each in helpers if inspect.isfunction(each) and each.__module__ == run.__module__)]
    return [path for each in own for path in imports(ast.parse(textwrap.dedent(inspect.getsource(each))))]


@pytest.mark.parametrize(("command", "stage"), stages_of_commands())
def test_all_files_that_a_rule_runs_belong_to_its_stage(command: str, stage: str) -> None:
    ran = {path.relative_to(ROOT).as_posix() for path in code_of(command)}
    assert ran - IGNORED_FILES
    assert ran <= IGNORED_FILES | set(source_dependencies(STAGES[stage]))


@pytest.mark.parametrize(
    ("command", "setting", "count"),
    [
        ("extract-features", "features_format(wildcards.backbone)", 2),
        ("train", "number_format(wildcards.model)", 1),
        ("predict-conditions", "number_format(wildcards.model)", 3),
    ],
)
def test_rules_whose_numbers_depend_on_the_number_format_record_it(command: str, setting: str, count: int) -> None:
    rules = [rule for name, rule in rules_of_commands() if name == command]
    recorded = [re.search(r"revision=.*?with_settings\((.*?)\n        \),", rule, flags=re.DOTALL) for rule in rules]
    assert [setting in (each[1] if each else "") for each in recorded] == [True] * count


def test_every_stage_belongs_to_a_rule() -> None:
    assert {stage for _, stage in stages_of_commands()} == set(STAGES) == set(REVISIONS)


@pytest.mark.parametrize("stage", STAGES)
def test_all_that_a_stage_imports_belongs_to_it(stage: str) -> None:
    """Finds imports in the text of the files, without the code under test."""
    files = source_dependencies(STAGES[stage])
    text = "".join((ROOT / name).read_text() for name in files if name.endswith(".py"))
    modules = re.findall(r"^ *from valence_gap\.([\w.]+) import", text, flags=re.MULTILINE)
    for lines in re.findall(r"^ *from valence_gap import (\w+(?:, \w+)*)", text, flags=re.MULTILINE):
        modules += lines.split(", ")
    assert modules
    for module in set(modules):
        stem = module.replace(".", "/")
        if (ROOT / f"{stem}.py").is_file():
            assert f"{stem}.py" in {*files, *IGNORED_FILES}


@pytest.mark.parametrize(
    ("stage", "decides"),
    [
        ("features", {"models/wav2vec2.py", "models/encoder.py", "weights/folders.py", "runtime/precision.py"}),
        ("text", {"prediction/inputs.py", "runtime/precision.py", "weights/folders.py", "text/spelling.py"}),
        ("synthesise", {"audio/decoding.py", "text/synthesis_transformers.py", "miniature/espeak.py"}),
        ("conditions", {"corpora/text_files.py", "audio/noise.py"}),
        ("train", {"training/checkpoints.py", "training/losses.py", "models/cnn14.py"}),
        ("miniature", {"miniature/data/everyday.json", "miniature/writers/iemocap.py"}),
        ("embeddings", {"embeddings/projection.py", "scores/statistics.py"}),
    ],
)
def test_some_files_that_determine_a_stage(stage: str, decides: set[str]) -> None:
    assert decides <= set(source_dependencies(STAGES[stage]))


def test_a_figure_depends_on_the_modules_it_computes_with_and_on_no_other_figure() -> None:
    for figure in ("figure_03", "figure_04", "figure_05", "figure_08"):
        assert {"scores/statistics.py", "scores/metrics.py", "figures/drawing/style.py"} <= set(
            source_dependencies([f"figures/{figure}.py"])
        )
    assert "definitions/figures.py" in source_dependencies(["tables/table_3.py"])
    assert "figures/figure_03.py" not in source_dependencies(["figures/figure_05.py"])
    assert not set(source_dependencies(["figures/figure_10.py"])) & {
        "embeddings/projection.py",
        "embeddings/separation.py",
    }


def test_imports_only_for_type_checkers_are_no_dependencies() -> None:
    code = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from valence_gap.scores.scoring import score
def run():
    import valence_gap.scores.metrics
    from valence_gap.scores import statistics
    from valence_gap.models.loading import load
    from valence_gap.figures.drawing import style
    from pathlib import Path
"""
    found = [path.relative_to(ROOT).as_posix() for path in imports(ast.parse(code))]
    assert found == ["scores/metrics.py", "scores/statistics.py", "models/loading.py", "figures/drawing/style.py"]
