"""Which model is exported, and what its card contains."""

import json

import pytest
import yaml
from finished import make_model, scores
from preflight_data import ROOT
from transformers import Wav2Vec2FeatureExtractor

from valence_gap.cli import main
from valence_gap.export.best import candidates, select_best, training_data, training_licence
from valence_gap.preflight.run import merged
from valence_gap.runtime.errors import UserError
from valence_gap.study.study import load


def log(folder, *rows):
    folder.mkdir(parents=True)
    lines = [f"{epoch},0.5,0.1,0.1,0.1,{mean},{kept}" for epoch, (mean, kept) in enumerate(rows, start=1)]
    head = "epoch,loss,dev_arousal,dev_dominance,dev_valence,dev_mean,best"
    (folder / "training.csv").write_text("\n".join([head, *lines]) + "\n")
    return folder


def test_the_epochs_that_were_kept_are_compared(tmp_path):
    one = log(tmp_path / "one", (0.1, False), (0.3, True), (0.2, False))
    two = log(tmp_path / "two", (0.31, True), (0.1, False))
    negative = log(tmp_path / "three", (-0.2, True))
    assert select_best([("one:42", one), ("two:42", two), ("three:42", negative)]) == "two:42"
    assert select_best([("three:42", negative), ("three:43", negative)]) == "three:42"


def test_a_model_alone_needs_no_log_and_several_do(tmp_path):
    one = log(tmp_path / "one", (0.3, True))
    undefined = log(tmp_path / "two", ("nan", True))
    assert select_best([("only:42", tmp_path / "nowhere")]) == "only:42"
    with pytest.raises(UserError) as error:
        select_best([("one:42", one), ("none:42", tmp_path / "nowhere"), ("two:1", undefined)])
    assert list(error.value.offenders) == [f"{tmp_path}/nowhere/training.csv", f"{undefined}/training.csv"]
    with pytest.raises(UserError, match="no transformer on waveforms in figure_02"):
        select_best([])


def study(**changes):
    return load(merged([ROOT / "config.yaml"]) | changes)


def test_candidates_are_the_transformers_of_figure_2(monkeypatch):
    monkeypatch.chdir(ROOT)
    paper = merged([ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml"])
    names = list(dict.fromkeys(model for model, _ in candidates(load(paper))))
    assert names == ["w2v2-b", "hubert-b", "w2v2-L", "hubert-L", "w2v2-L-robust", "w2v2-L-vox", "w2v2-L-xls-r"]
    assert candidates(study(export={"model": "w2v2-b", "seed": 43})) == [("w2v2-b", 43)]
    assert candidates(study(export={"model": "w2v2-b"})) == [("w2v2-b", 42), ("w2v2-b", 43), ("w2v2-b", 44)]
    assert training_data(load(paper)) == "MSP-Podcast 1.7"
    assert training_licence(load(paper)).startswith("academic licence")
    assert training_licence(study()) is None
    assert training_data(study()) == "MSP-Podcast in miniature: synthesised speech"


@pytest.mark.parametrize(
    ("export", "message"),
    [
        ({"model": "w2v2-x"}, "export.model: 'w2v2-x' is not a model; valid: cnn14, "),
        ({"model": "cnn14"}, "export.model: 'cnn14' is a CNN14; only transformer models are exported"),
        ({"model": "w2v2-b", "seed": 1}, "export.seed: 1 is not a seed of 'w2v2-b'; valid: 42, 43, 44"),
        ({"seed": 42}, "export.seed: 42, but no export.model is named"),
    ],
)
def test_an_export_of_no_known_model_is_refused(export, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError) as error:
        study(export=export)
    assert any(message in line for line in error.value.offenders)


def test_the_best_is_exported_with_its_own_scores_and_data(tmp_path, capsys):
    for name, score in (("a", 0.2), ("b", 0.6)):
        make_model(tmp_path / name)
        (tmp_path / name / "model/training.csv").unlink()
        (tmp_path / name / "log").mkdir()
        made = log(tmp_path / name / "made", (score, True))
        (made / "training.csv").rename(tmp_path / name / "model/training.csv")
        scores(tmp_path / f"{name}.csv", model=name)
    (tmp_path / "b/backbone/run.json").write_text(json.dumps({"source": "facebook/x", "licence": "apache-2.0"}))
    train = {"utterances": 1234, "hours": 2.345, "speakers": 5}
    (log(tmp_path / "c/model", (0.9, True)) / "config.json").write_text('{"model_type": "whisper"}')
    (tmp_path / "report.json").write_text(json.dumps({"splits": {"train": train}}))
    assert not main(
        [
            *("export-best", "--study", "mine", "--trained-on", "MSP-Podcast 1.7"),
            *("--report", str(tmp_path / "report.json"), "--output", str(tmp_path / "out")),
            *("--corpus-licence", "academic licence, signed"),
            *("--candidate", *(f"{name}:7={tmp_path}/{name}/model" for name in "abc")),
            *("--scores", *(f"{name}:7={tmp_path}/{name}.csv" for name in "ab")),
            *("--backbone", *(f"{name}={tmp_path}/{name}/backbone" for name in "b")),
        ]
    )
    printed = capsys.readouterr().err
    assert "b:7: mean CCC on the development set 0.600" in printed
    assert "c:7: skipped, since the input of a whisper is a spectrogram" in printed
    card = (tmp_path / "out/README.md").read_text()
    assert "# mine-b" in card
    assert "| data | MSP-Podcast 1.7; 1,234 utterances, 2.3 h, 5 known speakers |" in card
    assert "| backbone | facebook/x |" in card
    assert "| chosen for its mean CCC on the development set among | a:7, b:7 |" in card
    assert "The training data: academic licence, signed. That can restrict" in card
    assert "[0.600, 0.800]" in card
    assert yaml.safe_load(card.split("---")[1])["license"] == "apache-2.0"
    assert Wav2Vec2FeatureExtractor.from_pretrained(tmp_path / "out").do_normalize


def test_an_argument_that_is_no_pair_is_reported(tmp_path, capsys):
    assert main(["export-best", "--study", "s", "--output", str(tmp_path / "o"), "--candidate", "a:7", "=x"]) == 2
    assert "'a:7'" in capsys.readouterr().err
