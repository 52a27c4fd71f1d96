"""Configurations whose parts are each valid but contradict one another are refused before anything runs."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from miniature_configuration import MINIATURE, ROOT

from valence_gap.corpora.prepare import adapter_of
from valence_gap.definitions.registry import ADAPTERS
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.preflight.run import merge, merged
from valence_gap.runtime.errors import UserError
from valence_gap.study.checks.corpora import ANNOTATED
from valence_gap.study.study import load

PAIRS = MINIATURE["figures"]["figure_05"]["models"]
FUSED = MINIATURE["figures"]["figure_03"]["models"]
DEPTHS = MINIATURE["figures"]["figure_12"]["models"]
SHARES = MINIATURE["figures"]["figure_13"]["models"]
SHOWN = "cnn14, hubert-b, hubert-b-frozen, hubert-b-fusion, w2v2-L,"
MODELS = "cnn14, hubert-b, hubert-b-frozen, w2v2-L,"

Corrupt = Callable[[dict[str, Any]], None]


def change(path: str, to: Any) -> Corrupt:
    def apply(config: dict[str, Any]) -> None:
        *above, last = path.split(".")
        node = config
        for key in above:
            node = node[key]
        node[last] = to

    return apply


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def offenders(*corrupts: Corrupt) -> list[str]:
    config = copy.deepcopy(MINIATURE)
    for corrupt in corrupts:
        corrupt(config)
    with pytest.raises(UserError) as caught:
        load(config)
    return list(caught.value.offenders)


WRONG = {
    "an unknown reader": (
        change("corpora.iemocap.adapter", "iemocop"),
        "corpora.iemocap.adapter: 'iemocop' is not a reader of corpora; "
        "valid: audformat, cmu-mosi, iemocap, msp-podcast, table",
    ),
    "more layers than the backbone has": (
        change("models.w2v2-L-robust-3.layers", 9),
        "models.w2v2-L-robust-3.layers: 9, but 'mini-w2v2-L-robust' has 4; valid: 1 to 4",
    ),
    "a reversed scale": (
        change("corpora.iemocap.scale", {"arousal": [1.0, 5.0], "valence": [5.0, 1.0]}),
        "corpora.iemocap.scale.valence: [5.0, 1.0]; valid: the lowest label, then the highest",
    ),
    "a corpus without a dimension": (
        change("corpora.iemocap.dimensions", []),
        "corpora.iemocap.dimensions: [] names no dimension; valid: arousal, dominance, valence",
    ),
    "a dimension that a corpus does not have": (
        change("corpora.cmu-mosi.dimensions", ["arousal"]),
        "corpora.cmu-mosi.dimensions: 'arousal' is not annotated in cmu-mosi; valid: valence",
    ),
    "a split that is mapped to two splits": (
        change("corpora.cmu-mosi.splits", {"train": "test", "test": "Test"}),
        "corpora.cmu-mosi.splits: test: train, test. Map each of the corpus' splits to one of ours.",
    ),
    "columns of a corpus with fixed columns": (
        change("corpora.cmu-mosi.columns", {"file": "path"}),
        "corpora.cmu-mosi.columns: cmu-mosi has fixed columns; valid only with audformat or table",
    ),
    "paths of an unknown corpus": (
        change("paths.iemocop", MINIATURE["paths"]["iemocap"]),
        "paths.iemocop: 'iemocop' is not a corpus; valid: cmu-mosi, iemocap, msp-podcast",
    ),
    "a train corpus of one dimension": (
        change("corpora.msp-podcast.dimensions", ["valence"]),
        "train_corpus: 'msp-podcast' annotates only valence, but models learn all of arousal, dominance, valence: "
        "training without one of them is not supported; use this corpus for testing only (splits: test), and train on "
        "another or evaluate a finished model (checkpoint); valid: ",
    ),
    "a noise without its class": (
        change("conditions.human-0db.noise_class", None),
        "conditions.human-0db.noise_class: null, but kind noise needs it; valid: natural, human, interior",
    ),
    "a noise without its level": (
        change("conditions.human-0db.snr_db", None),
        "conditions.human-0db.snr_db: null, but kind noise needs it; valid: a number of decibels",
    ),
    "a reversed share": (
        change("conditions.speed.share", [0.2, 0.1]),
        "conditions.speed.share: [0.2, 0.1]; valid: the least share, then the greatest, in 0..1",
    ),
    "a share above one": (
        change("conditions.speed.share", [0.2, 1.1]),
        "conditions.speed.share: [0.2, 1.1]; valid: the least share",
    ),
    "a synthesiser without its model": (
        change("synthesiser", {"kind": "transformers"}),
        "synthesiser.model: null, but kind transformers needs the folder",
    ),
    "an empty command": (
        change("synthesiser", {"kind": "command"}),
        "synthesiser.command: [], but kind command needs a program",
    ),
    "a command without its output file": (
        change("synthesiser", {"kind": "command", "command": ["say"]}),
        "synthesiser.command: ['say'] lacks {wav}",
    ),
    "a condition twice": (
        change("augmented", ["speed", "fade", "speed"]),
        "augmented: 'speed' is named 2 times; valid: once",
    ),
    "a subset of a corpus that is not there": (
        change("augmented_utterances", {"mosi": 250}),
        "augmented_utterances: 'mosi' is not a corpus; valid: cmu-mosi, iemocap, msp-podcast",
    ),
    "a figure of no model": (
        change("figures.figure_02.models", []),
        f"figures.figure_02.models: [] shows nothing; valid: {SHOWN}",
    ),
    "a figure of no corpus": (
        change("figures.figure_02.corpora", []),
        "figures.figure_02.corpora: [] shows nothing; valid: cmu-mosi, iemocap, msp-podcast",
    ),
    "a table of no model": (
        change("tables.table_2.models", []),
        f"tables.table_2.models: [] shows nothing; valid: {SHOWN}",
    ),
    "a model twice": (
        change("figures.figure_02.models", ["cnn14", "w2v2-b", "cnn14"]),
        "figures.figure_02.models: 'cnn14' is named 2 times; valid: once",
    ),
    "a corpus twice": (
        change("tables.table_3.corpora", ["iemocap", "iemocap"]),
        "tables.table_3.corpora: 'iemocap' is named 2 times; valid: once",
    ),
    "published values beside the miniature's": (
        change("figures.figure_02.published", True),
        "figures.figure_02.published: true, but it shows the miniature's msp-podcast, iemocap, cmu-mosi; valid: false",
    ),
    "published values on a figure that shows none": (
        change("figures.figure_03.published", True),
        "figures.figure_03.published: true, but it shows no published values, as figure_02, figure_06, figure_07, "
        "figure_08, figure_09, table_3 do;",
    ),
    "a batch of one": (
        change("recipes.frozen.batch_size", 1),
        "recipes.frozen.batch_size (hubert-b-frozen): 1 has no CCC; valid: 2 or more",
    ),
    "a fusion's batch of one": (
        change("recipes.fusion.batch_size", 1),
        "recipes.fusion.batch_size (hubert-b-fusion): 1 has no CCC; valid: 2 or more",
    ),
    "a fusion that is evaluated within epochs": (
        change("recipes.fusion.evaluate_every", 100),
        "recipes.fusion.evaluate_every (hubert-b-fusion): 100, but a fusion is evaluated once an epoch; valid: null",
    ),
    "micro-batches with batch normalisation": (
        change("models.cnn14.overrides", {"micro_batch_size": 4}),
        "models.cnn14.overrides.micro_batch_size: 4 would change the statistics of CNN14's batch normalisation;",
    ),
    "a head dropout that CNN14 has nowhere from": (
        change("recipes.cnn14.head_dropout", None),
        "recipes.cnn14.head_dropout (cnn14): null, but CNN14 has no backbone with a final_dropout; valid: a number",
    ),
    "checkpointing without transformer layers": (
        change("recipes.cnn14.activation_checkpointing", True),
        "recipes.cnn14.activation_checkpointing (cnn14): true is for transformers alone; valid: false",
    ),
    "a stem that CNN14 does not have": (
        change("recipes.cnn14.train_stem", True),
        "recipes.cnn14.train_stem (cnn14): true, but CNN14 has no stem; valid: false",
    ),
    "layers that CNN14 does not have": (
        change("models.cnn14.layers", 2),
        "models.cnn14.layers: 2, but CNN14 has no transformer layers; valid: null",
    ),
    "a CNN14 with the key pretrained": (
        change("models.cnn14.pretrained", False),
        "models.cnn14.pretrained: false, but CNN14 always starts from random weights; leave it out",
    ),
    "random weights after the pre-trained stem": (
        change("models.w2v2-L-random.recipe", "finetune"),
        "recipes.finetune.train_stem (w2v2-L-random): false, but pretrained: false: stored features are the",
    ),
    "a trained stem below frozen layers": (
        change("models.w2v2-L-frozen.overrides", {"train_stem": True}),
        "models.w2v2-L-frozen.overrides.train_stem: true, but the model is frozen: its head alone is trained;",
    ),
    "frozen random weights": (
        change("models.w2v2-L-random.frozen", True),
        "models.w2v2-L-random.frozen: true, but its weights are random (pretrained: false): nothing would be learnt;",
    ),
    "a folder that is written like a hub id": (
        change("backbones.mini-w2v2-b.source", "resources/miniature/mini-w2v2-b"),
        "backbones.mini-w2v2-b.source: 'resources/miniature/mini-w2v2-b' is read as a hub id; for the folder write "
        "./resources/miniature/mini-w2v2-b",
    ),
    "figure 3 without a fusion": (
        change("figures.figure_03.models", ["w2v2-b"]),
        "figures.figure_03.models: ['w2v2-b'] has no fusion; valid: hubert-b-fusion, w2v2-L-fusion,",
    ),
    "figure 3 with a model that has none": (
        change("figures.figure_03.models", [name for name in FUSED if name != "hubert-b-fusion"]),
        "figures.figure_03.models: 'hubert-b' has no fusion beside it; valid: hubert-b-fusion",
    ),
    "figure 4 without a frozen model": (
        change("figures.figure_04.models", [name for name in PAIRS if name != "w2v2-L-frozen"]),
        "figures.figure_04.models: 'w2v2-L' has no frozen model of its backbone beside it; valid: w2v2-L-frozen",
    ),
    "figure 5 without a frozen model": (
        change("figures.figure_05.models", [name for name in PAIRS if name != "w2v2-L-frozen"]),
        "figures.figure_05.models: 'w2v2-L' has no frozen model of its backbone beside it; valid: w2v2-L-frozen",
    ),
    "figure 5 without a fine-tuned model": (
        change("figures.figure_05.models", [name for name in PAIRS if name != "hubert-b"]),
        "figures.figure_05.models: 'hubert-b-frozen' has no fine-tuned model of its backbone beside it; valid: hubert",
    ),
    "figure 5 with CNN14": (
        change("figures.figure_05.models", [*PAIRS, "cnn14"]),
        "figures.figure_05.models: 'cnn14' has no frozen model of its backbone beside it; valid: ",
    ),
    "figure 6 with a fusion": (
        change("figures.figure_06.models", ["w2v2-b", "w2v2-b-fusion"]),
        f"figures.figure_06.models: 'w2v2-b-fusion' is a fusion, which this does not show; valid: {MODELS}",
    ),
    "figure 6 without augmentations": (
        change("augmented", []),
        "augmented: [], but figures.figure_06 shows the augmented test sets; valid: fade, human-0db,",
    ),
    "table III without augmentations": (
        change("augmented", []),
        "augmented: [], but tables.table_3 shows the augmented test sets; valid: fade, human-0db,",
    ),
    "figure 8 of two corpora": (
        change("figures.figure_08.corpora", ["msp-podcast", "iemocap"]),
        "figures.figure_08.corpora: ['msp-podcast', 'iemocap'], but it shows one; valid: iemocap, msp-podcast",
    ),
    "figure 10 with a fusion": (
        change("figures.figure_10.models", ["w2v2-b-fusion"]),
        f"figures.figure_10.models: 'w2v2-b-fusion' is a fusion, which this does not show; valid: {MODELS}",
    ),
    "figure 12 without layers": (
        change("figures.figure_12.models", ["w2v2-L", "w2v2-L-robust"]),
        "figures.figure_12.models: none of ['w2v2-L', 'w2v2-L-robust'] has layers; valid: w2v2-L-robust-1,",
    ),
    "figure 12 with the same depth twice": (
        change("figures.figure_12.models", [*DEPTHS, "w2v2-L"]),
        "figures.figure_12.models: layers is null for w2v2-L-robust, w2v2-L; valid: one of them",
    ),
    "figure 13 without fractions": (
        change("figures.figure_13.models", ["w2v2-L"]),
        "figures.figure_13.models: none of ['w2v2-L'] has fraction; valid: w2v2-L-robust-2-12,",
    ),
    "figure 13 with the same fraction twice": (
        change("figures.figure_13.models", [*SHARES, "w2v2-L"]),
        "figures.figure_13.models: fraction is 1.0 for w2v2-L-robust-2, w2v2-L; valid: one of them",
    ),
    "table III of two models": (
        change("tables.table_3.models", ["w2v2-b", "w2v2-L"]),
        "tables.table_3.models: ['w2v2-b', 'w2v2-L'], but it shows one; valid: w2v2-L, w2v2-b",
    ),
    "a fusion in a role that is augmented": (
        change("claims.roles.best", "w2v2-b-fusion"),
        f"claims.roles: 'w2v2-b-fusion' is a fusion, but its role needs augmented speech; valid: {MODELS}",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_contradiction_is_reported_in_one_line(name: str) -> None:
    corrupt, message = WRONG[name]
    lines = offenders(corrupt)
    assert sum(line.startswith(message) for line in lines) == 1, lines
    assert not any("\n" in line for line in lines)


def test_all_contradictions_are_reported_at_once() -> None:
    """Uses the entries of WRONG whose keys do not overwrite one another."""
    clash = {"a share above one", "an empty command", "a command without its output file", "a condition twice"}
    clash |= {"figure 3 without a fusion", "a figure of no model", "figure 5 without a fine-tuned model"}
    clash |= {"figure 5 with CNN14", "figure 12 without layers", "figure 13 without fractions"}
    clash |= {"a figure of no corpus", "frozen random weights"}
    chosen = [WRONG[name] for name in WRONG if name not in clash]
    lines = offenders(*(corrupt for corrupt, _ in chosen))
    for _, message in chosen:
        assert sum(line.startswith(message) for line in lines) == 1, message


def test_the_checks_know_the_dimensions_of_each_adapter() -> None:
    for name in ADAPTERS:
        scales = adapter_of(name).scales
        if scales is not None:
            assert set(scales) == set(ANNOTATED.get(name, DIMENSIONS)), name


def test_a_corpus_of_one_dimension_can_be_a_test_corpus() -> None:
    config = copy.deepcopy(MINIATURE)
    config["corpora"]["iemocap"]["dimensions"] = ["valence"]
    assert load(config).configuration.corpora["iemocap"].dimensions == ("valence",)


def test_two_frozen_models_of_one_backbone_are_refused() -> None:
    def add(config: dict[str, Any]) -> None:
        config["models"]["again"] = config["models"]["w2v2-b-frozen"]
        config["figures"]["figure_05"] = {"models": [*PAIRS, "again"], "corpora": ["msp-podcast"]}

    assert offenders(add) == [
        "figures.figure_05.models: 'w2v2-b' has several frozen ones beside it; valid: one of w2v2-b-frozen, again"
    ]


def test_a_study_without_augmentations_is_valid_if_no_target_needs_them() -> None:
    config = copy.deepcopy(MINIATURE) | {"augmented": [], "noise": None, "targets": ["figure_02"]}
    assert load(config).targets == ("figure_02",)


@pytest.mark.parametrize("content", [None, "no JSON", "[1]", '{"num_hidden_layers": "many"}', "{}"])
def test_the_layers_of_a_backbone_without_a_readable_number_are_not_checked(
    content: str | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    config = copy.deepcopy(MINIATURE)
    config["backbones"]["mini-w2v2-L-robust"]["source"] = str(tmp_path)
    config["models"]["w2v2-L-robust-3"]["layers"] = 9
    assert load(config).models["w2v2-L-robust-3"].layers == 9


def test_the_number_of_layers_is_read_from_the_key_of_each_family(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "speech", "encoder_layers": 6}))
    lines = offenders(
        change("backbones.mini-w2v2-L-robust.source", str(tmp_path)), change("models.w2v2-L-robust-3.layers", 7)
    )
    assert lines == ["models.w2v2-L-robust-3.layers: 7, but 'mini-w2v2-L-robust' has 6; valid: 1 to 6"]


def test_a_long_value_of_an_unknown_key_is_truncated() -> None:
    (message,) = offenders(change("modles", MINIATURE["models"]))
    assert message.startswith('modles: unknown key, given as {"cnn14": ')
    assert message.index("; valid: augmented, augmented_utterances,") < 150


def test_a_source_that_exists_as_a_folder_is_a_hub_id_only_if_it_is_pinned() -> None:
    source = "backbones.mini-w2v2-b.source"
    (message,) = offenders(change(source, "resources/miniature"))
    assert message.endswith("for the folder write ./resources/miniature")
    pinned = {"source": "resources/miniature", "revision": "0" * 40}
    assert load(merge(MINIATURE, {"backbones": {"mini-w2v2-b": pinned}}))


def test_a_random_stem_that_is_streamed_is_valid() -> None:
    streamed = {"models": {"w2v2-L-random": {"recipe": "finetune"}}, "cached_splits": []}
    assert load(merge(MINIATURE, streamed)).models["w2v2-L-random"].recipe == "finetune"


def test_the_published_values_are_shown_only_in_the_study_of_the_paper() -> None:
    paper = yaml.safe_load((ROOT / "workflow/presets/paper.yaml").read_text())
    shown = {**paper["figures"], **paper["tables"]}
    drawn = {f"figure_{number:02}" for number in (2, 6, 7, 8, 9)} | {"table_3"}
    assert {name for name, figure in shown.items() if figure.get("published")} == drawn
    assert load(merge(merge(MINIATURE, paper), {"claims": {"references": None}}))


PRESETS = ("paper", "paper paper-quick", "paper beyond", "open", "first-look")


@pytest.mark.parametrize("names", PRESETS)
def test_every_preset_is_valid(names: str) -> None:
    presets = [ROOT / "workflow/presets" / f"{name}.yaml" for name in names.split()]
    assert load(merged([ROOT / "config.yaml", *presets])).targets
    assert {name for each in PRESETS for name in each.split()} == {
        path.stem for path in (ROOT / "workflow/presets").iterdir()
    }


def test_a_fusion_with_cnn14_needs_a_head_dropout_of_its_own() -> None:
    wrong = offenders(change("fusions.w2v2-b-fusion.audio", "cnn14"), change("recipes.fusion.head_dropout", None))
    start = "recipes.fusion.head_dropout (w2v2-b-fusion): null, but its audio model 'cnn14' is a CNN14 without"
    assert [line for line in wrong if line.startswith("recipes.fusion.head_dropout")] == [
        f"{start} a final_dropout; valid: a number"
    ]
