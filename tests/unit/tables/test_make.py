import json

import numpy as np
import pandas as pd
import pytest
from small_models import KINDS, make_backbone

from valence_gap.definitions.figures import Inputs
from valence_gap.models import loading
from valence_gap.runtime.errors import UserError
from valence_gap.tables import rendering, table_1, table_2
from valence_gap.tables.make import make_table


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
    make_table("table_1", Inputs(), json.dumps({"note": "of the paper"}), tmp_path / "table_1")
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
    make_table("table_2", Inputs(), json.dumps({"models": shown, "note": "miniature"}), tmp_path / "table_2")
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
        make_table("table_2", Inputs(), json.dumps(description), tmp_path / "table_2")
    offenders = "\n".join(caught.value.offenders)
    assert all(f"{name}: " in offenders for name in ("bert", "torn", "absent"))
    assert not list(tmp_path.glob("table_2*"))


@pytest.mark.parametrize(("count", "text"), [(94_371_712, "94 M"), (315_438_720, "315 M"), (1_640_000, "1.6 M")])
def test_parameters_are_shown_in_millions(count, text):
    assert table_2.format_millions(count) == text
