import argparse
import json

import numpy as np
import pandas as pd
import pytest
from small_models import KINDS, make_backbone

from valence_gap.commands import tables as command
from valence_gap.models import loading
from valence_gap.runtime.errors import UserError
from valence_gap.tables import rendering, table_1, table_2, table_3
from valence_gap.tables.make import make_table

CORPORA = {"msp-podcast": ["arousal", "dominance", "valence"], "cmu-mosi": ["valence"]}
CONDITIONS = [
    {"name": "human-0db", "label": "Human, non-speech", "kind": "noise", "noise_class": "human", "snr_db": 0},
    {"name": "human-20db", "label": "Human, non-speech", "kind": "noise", "noise_class": "human", "snr_db": 20},
    {"name": "fade", "label": "Fade-in/fade-out", "kind": "fade"},
]


def written(stem):
    return [stem.with_suffix(f".{kind}").read_text(encoding="utf-8") for kind in ("csv", "md", "tex")]


# ------------------------------------------------------------------------------------------------------ rendering
def small(**more):
    columns = [rendering.Column("Name"), rendering.Column("A", "both", "r"), rendering.Column("B", "both", "r")]
    blocks = [[["w2v2_L & co", "−.1", "✓"]], [["[23]", "50 %", "a|b"]]]
    return rendering.Table("100 % of C_x", pd.DataFrame({"x": [1 / 3]}), columns, blocks, ["A *note*"], **more)


def test_latex_is_escaped_and_has_rules_for_groups():
    lines = rendering.latex(small(), label="table_9").splitlines()
    assert r"w2v2\_L \& co & $-$.1 & \checkmark{} \\" in lines
    assert r"{[23]} & 50 \% & a|b \\" in lines
    assert r" & \multicolumn{2}{c}{both} \\" in lines
    assert r"\cmidrule(lr){2-3}" in lines
    assert r"\begin{tabular}{lrr}" in lines
    assert r"\caption{100 \% of C\_x}" in lines
    assert lines.count(r"\midrule") == 2


def test_latex_has_as_many_cells_in_every_row():
    rows = [line for line in rendering.latex(small(), label="t").splitlines() if line.endswith(r"\\")]
    assert [line.replace(r"\&", "").count("&") for line in rows] == [1, 2, 2, 2]


def test_markdown_joins_heads_and_escapes():
    text = rendering.markdown(small())
    assert "| Name | both: A | both: B |\n| :-- | --: | --: |" in text
    assert "w2v2\\_L & co | −.1 | ✓ |" in text
    assert "| \\[23\\] | 50 % | a\\|b |" in text
    assert text.endswith("A \\*note\\*\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.145, "−.145"), (0.012, "+.012"), (0.0, ".000"), (-0.0001, ".000"), (1.25, "+1.250"), (np.nan, "n/a")],
)
def test_changes_are_written_as_in_the_paper(value, text):
    assert rendering.format_change(value) == text


def test_all_files_or_none(tmp_path):
    class Broken(pd.DataFrame):
        def to_csv(self, *args, **kwargs):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        rendering.save(small(extra_tables={"more": Broken()}), tmp_path / "t")
    assert not list(tmp_path.iterdir())
    rendering.save(small(extra_tables={"more": pd.DataFrame({"y": [2]})}), tmp_path / "t")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.md", "t.tex", "t_more.csv"]
    assert float(pd.read_csv(tmp_path / "t.csv").x.iloc[0]) == 1 / 3


def test_an_unknown_table_is_refused(tmp_path):
    with pytest.raises(UserError, match="table_1, table_2, table_3"):
        make_table("table_9", [], "{}", tmp_path / "t")


# -------------------------------------------------------------------------------------------------------- table 1
def test_table_1_agrees_with_what_the_text_says_of_its_rows():
    rows = table_1.published().set_index("row")
    recall = rows.war.fillna(rows.uar)
    assert list(rows.index) == list(range(1, 23))
    assert recall.is_monotonic_increasing
    # Section II compares these rows.
    assert recall[19] - recall[15] == pytest.approx(3.2)
    assert recall[22] - recall[17] == pytest.approx(3.0)
    assert recall[20] - recall[19] == pytest.approx(0.5)
    assert recall[22] - recall[20] == pytest.approx(2.1)
    assert (rows.large == np.where(rows.model.str.endswith("-L"), "yes", "no")).all()
    assert rows.query("ft_sr == 'yes'").index.tolist() == [5, 15, 18, 21]
    assert rows.query("ft_d == 'yes'").index.tolist() == [13, *range(15, 23)]
    # Reported without fine-tuning only, the text says.
    assert rows.query("reference == 28").ft_d.tolist() == ["no"]


def test_table_1_says_what_is_reconstructed(tmp_path):
    make_table("table_1", [], json.dumps({"note": "of the paper"}), tmp_path / "table_1")
    csv, md, tex = written(tmp_path / "table_1")
    assert "L in rows 1, 2, 8, 9, 11, 12, 14, 18, 20, 21, 22; FT-D in rows 13, 15, 16, 17, 18, 19, 20, 21." in md
    assert "FT-SR in rows" not in md
    assert "| 2 | Yuan et al. \\[24\\] \\* | w2v2-L | ✓ |  |  | 62.5 | 62.6 |" in md
    assert r"22 & Wang et al. [20] & hubert-L & \checkmark{} &  & \checkmark{} &  & 79.6 \\" in tex
    assert "of the paper" in md
    assert csv.count("\n") == 23


# -------------------------------------------------------------------------------------------------------- table 2
def described(folder, **more):
    data = {"datasets": "LibriSpeech", "hours": "960", "languages": "eng", "domains": "R"}
    return {"label": folder.name, "folder": str(folder), **data, **more}


@pytest.mark.parametrize("kind", list(KINDS))
def test_parameters_are_those_of_the_loaded_encoder(tmp_path, kind):
    make_backbone(tmp_path / "bare", kind)
    loaded = KINDS[kind][1].from_pretrained(tmp_path / "bare")
    expected = sum(weight.numel() for weight in loaded.parameters())
    found = table_2.measure_encoder(tmp_path / "bare")
    assert found.parameters == expected
    assert (found.layers, found.hidden) == (loaded.config.num_hidden_layers, loaded.config.hidden_size)


def test_heads_and_quantisers_are_left_out(tmp_path):
    from small_models import configuration, training
    from transformers import Wav2Vec2ForPreTraining

    settings = {"codevector_dim": 8, "proj_codevector_dim": 8, "num_codevectors_per_group": 4}
    pretraining = Wav2Vec2ForPreTraining(configuration("wav2vec2", "group", False, **settings))
    pretraining.save_pretrained(tmp_path / "pretraining")
    expected = sum(weight.numel() for weight in pretraining.wav2vec2.parameters())
    assert table_2.measure_encoder(tmp_path / "pretraining").parameters == expected
    loading.build(training(), tmp_path / "pretraining").save(tmp_path / "finished")
    assert table_2.measure_encoder(tmp_path / "finished").parameters == expected


def test_table_2_is_written(tmp_path):
    folder = tmp_path / "hubert-b"
    make_backbone(folder)
    shown = [described(folder), described(folder, label="many", hours="436k", languages="128", domains="R, T")]
    shown.append({"label": "unknown", "folder": str(folder)})
    make_table("table_2", [], json.dumps({"models": shown, "note": "miniature"}), tmp_path / "table_2")
    csv, md, _ = written(tmp_path / "table_2")
    lines = [line for line in md.splitlines() if line.startswith("| ")]
    assert lines[2].startswith("| hubert-b | HuBERT | ")
    assert lines[2].endswith("| LibriSpeech | 960 | eng | R |")
    assert lines[3].endswith("| 436k | 128 | R, T |")
    assert lines[4].endswith("| – | – | – | – |")
    assert "miniature" in md
    rows = pd.read_csv(tmp_path / "table_2.csv")
    assert rows.hours.tolist()[:2] == ["960", "436k"]
    assert rows.parameters.nunique() == 1
    assert csv.startswith("model,architecture,layers,hidden,parameters,datasets,hours,languages,domains\n")


def test_every_folder_that_is_no_encoder_is_named(tmp_path):
    for name, config in {"bert": {"model_type": "bert"}, "torn": {"model_type": "hubert"}}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config))
        (tmp_path / name / "model.safetensors").write_bytes(b"torn")
    description = {"models": [described(tmp_path / name) for name in ("bert", "torn", "absent")]}
    with pytest.raises(UserError) as caught:
        make_table("table_2", [], json.dumps(description), tmp_path / "table_2")
    offenders = "\n".join(caught.value.offenders)
    assert all(f"{name}: " in offenders for name in ("bert", "torn", "absent"))
    assert not list(tmp_path.glob("table_2*"))


@pytest.mark.parametrize(("count", "text"), [(94_371_712, "94 M"), (315_438_720, "315 M"), (1_640_000, "1.6 M")])
def test_parameters_are_shown_in_millions(count, text):
    assert table_2.format_millions(count) == text


# -------------------------------------------------------------------------------------------------------- table 3
@pytest.fixture
def scored(tmp_path):
    """Score tables of two seeds of two models; the change depends on condition and seed."""
    paths = []
    for corpus, dimensions in CORPORA.items():
        for seed in (1, 2):
            for group, conditions in {"clean": ["clean"], "augmented": ["human-0db", "human-20db", "fade"]}.items():
                rows = [
                    (model, seed, corpus, condition, dimension, group_by, 0.5 + seed / 100 - change)
                    for model in ("robust", "other")
                    for condition, change in zip(conditions, [0.25 * seed, 0.01, 0.0], strict=False)
                    for dimension in dimensions
                    for group_by in ("all", "gender")
                ]
                columns = ["model", "seed", "corpus", "condition", "dimension", "group_by", "ccc"]
                table = pd.DataFrame(rows, columns=columns).assign(group="x", samples=1, low=0, high=1)
                table.loc[table.condition == "clean", "ccc"] = 0.5 + seed / 100
                table.loc[(table.model == "other") | (table.group_by == "gender"), "ccc"] = 9.0
                paths.append(tmp_path / f"{corpus}.{seed}.{group}.csv")
                table.to_csv(paths[-1], index=False)
    return paths


def description_3(**more):
    corpora = [{"name": name, "label": name.upper(), "dimensions": names} for name, names in CORPORA.items()]
    models = [{"name": "robust", "label": "w2v2-L-robust", "colour": "#009e73"}]
    return json.dumps({"models": models, "corpora": corpora, "conditions": CONDITIONS} | more)


def test_published_averages_are_those_of_the_text():
    found = table_3.averages(table_3.published()).set_index("augmentation")
    assert found.cells["all"] == 77
    assert found["mean"].round(3)[["all", "human", "interior"]].tolist() == [-0.068, -0.103, -0.055]
    assert found.cells.drop("all").to_dict() == {"natural": 21, "human": 21, "interior": 21, "speed": 7, "fade": 7}


def test_table_3_is_the_mean_change_over_seeds(scored, tmp_path):
    make_table("table_3", scored, description_3(note="miniature"), tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv").set_index(["condition", "corpus", "dimension"])
    assert len(cells) == 3 * (3 + 1)
    assert cells.change["human-0db", "cmu-mosi", "valence"] == pytest.approx(-0.375)
    assert cells.sd["human-0db", "cmu-mosi", "valence"] == pytest.approx(0.25 / np.sqrt(2))
    assert (cells.seeds == 2).all()
    assert cells.se_seeds["human-0db", "cmu-mosi", "valence"] == pytest.approx(0.25 / 2)
    averages = pd.read_csv(tmp_path / "table_3_averages.csv").set_index("augmentation")
    assert averages["mean"]["human"] == pytest.approx((-0.375 - 0.01) / 2)
    assert averages["mean"]["all"] == pytest.approx((-0.375 - 0.01) / 3)
    _, md, tex = written(tmp_path / "table_3")
    assert "| Human, non-speech | 0 dB | −.375 | −.375 | −.375 | −.375 |\n|  | 20 dB | −.010 |" in md
    assert "| Fade-in/fade-out |  | .000 | .000 | .000 | .000 |" in md
    assert r"\cmidrule(lr){3-3} \cmidrule(lr){4-4} \cmidrule(lr){5-6}" in tex
    assert "published" not in md
    assert "miniature" in md


def test_table_3_shows_the_published_changes_where_requested(scored, tmp_path):
    make_table("table_3", scored, description_3(published=True), tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv").set_index(["condition", "corpus", "dimension"])
    place = ("human-20db", "msp-podcast", "dominance")
    assert cells.published[place] == 0.005
    assert cells.difference[place] == pytest.approx(-0.015)
    assert cells.published["fade", "cmu-mosi", "valence"] == -0.001
    _, md, _ = written(tmp_path / "table_3")
    rows = [line for line in md.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[2] for row in rows] == ["here", "published", "difference"] * 3
    averages = pd.read_csv(tmp_path / "table_3_averages.csv").set_index("augmentation")
    expected = table_3.published().query("augmentation == 'fade' and corpus != 'iemocap'").delta_ccc.mean()
    assert averages.published["fade"] == pytest.approx(expected)


def test_the_table_reproduces_the_published_changes(tmp_path):
    """Scores made from the published changes give these changes and their averages."""
    conditions = [
        {"name": f"{noise}-{snr}db", "label": noise.capitalize(), "kind": "noise", "noise_class": noise, "snr_db": snr}
        for noise in ("natural", "human", "interior")
        for snr in (0, 10, 20)
    ]
    conditions += [{"name": "speed", "label": "Speed", "kind": "speed"}, CONDITIONS[2]]
    corpora = [{"name": name, "label": name} for name in ("msp-podcast", "iemocap")]
    corpora.append({"name": "cmu-mosi", "label": "MOSI", "dimensions": ["valence"]})
    reference = table_3.published()
    snr = reference.snr_db.map(lambda value: "" if np.isnan(value) else f"-{value:.0f}db")
    scores = reference.assign(condition=reference.augmentation + snr, ccc=0.5 + reference.delta_ccc)
    clean = scores.drop_duplicates(["corpus", "dimension"]).assign(condition="clean", ccc=0.5)
    pd.concat([scores, clean]).assign(model="robust", seed=1, group_by="all", group="all").to_csv(tmp_path / "s.csv")
    description = description_3(corpora=corpora, conditions=conditions, published=True)
    make_table("table_3", [tmp_path / "s.csv"], description, tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv")
    assert len(cells) == 77
    assert cells.difference.abs().max() < 1e-9
    md = (tmp_path / "table_3.md").read_text(encoding="utf-8")
    assert "all −.068 (published −.068), 77 cells" in md
    assert "Human −.103 (published −.103), 21 cells" in md


def test_what_was_not_scored_is_named(scored, tmp_path):
    with pytest.raises(UserError, match="robust are missing") as caught:
        make_table("table_3", scored[:-1], description_3(), tmp_path / "table_3")
    names = ("human-0db", "human-20db", "fade")
    assert caught.value.offenders == tuple(f"seed 2 on cmu-mosi: valence, '{name}'" for name in names)
    with pytest.raises(UserError) as caught:
        make_table(
            "table_3", [path for path in scored if "msp-podcast.1.clean" not in path.name], description_3(), tmp_path
        )
    assert len(caught.value.offenders) == 3
    assert caught.value.offenders[0] == "seed 1 on msp-podcast: arousal, 'clean'"
    with pytest.raises(UserError, match="nobody are missing"):
        make_table(
            "table_3",
            scored,
            description_3(models=[{"name": "nobody", "label": "x", "colour": "#000000"}]),
            tmp_path / "table_3",
        )
    with pytest.raises(UserError, match="--scores"):
        make_table("table_3", [], description_3(), tmp_path / "table_3")


def test_the_command_writes(scored, tmp_path):
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    options = ["--description", description_3(), "--output-stem", str(tmp_path / "out" / "table_3")]
    args = parser.parse_args(["table", "table_3", "--scores", *map(str, scored), *options])
    args.run(args)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["table_3.csv", "table_3.md", "table_3.tex", "table_3_averages.csv"]
