import argparse
import json
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from claims_data import BY_ID, CLAIMS_FILE, STATEMENTS, paper_claims, write_study

from valence_gap.claims.decisions import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from valence_gap.claims.evidence import MissingEvidenceError
from valence_gap.claims.file_evidence import FileEvidence
from valence_gap.claims.labelled_test_sets import EvidenceFiles
from valence_gap.claims.published import PublishedEvidence
from valence_gap.claims.verdicts import evaluate
from valence_gap.commands import claims as command
from valence_gap.definitions.claims import Claims, Side
from valence_gap.definitions.claims_file import read_not_checked
from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.figures import Run, keyed_files, runs_of
from valence_gap.definitions.values import to_json
from valence_gap.runtime.errors import UserError
from valence_gap.scores import scoring, statistics
from valence_gap.scores.metrics import ccc

EVALUATION = Evaluation(bootstrap=200, min_samples=15, speaker_draws=15)
CORPORA = {"in-domain": "msp-podcast", "cross-corpus": "iemocap", "sentiment": "cmu-mosi"}


def files_of(options):
    return EvidenceFiles(
        predictions=runs_of(options["--predictions"], "--predictions", parts=3),
        labels=dict(keyed_files(options["--labels"], "--labels")),
        utterances=dict(keyed_files(options["--utterances"], "--utterances")),
    )


def test_rows_have_the_scores_and_the_intervals_of_the_score_tables(tmp_path):
    options = write_study(tmp_path, {"a": 0.2, "b": 0.4})
    scores = FileEvidence(files_of(options), EVALUATION)
    for corpus in ("msp-podcast", "cmu-mosi"):
        table = scoring.score_table(
            pd.read_parquet(tmp_path / f"b-1-{corpus}-clean.parquet"),
            pd.read_parquet(tmp_path / f"{corpus}--labels.parquet"),
            pd.read_parquet(tmp_path / f"{corpus}--utterances.parquet"),
            corpus=corpus,
            dimensions=scores.dimensions(corpus),
            evaluation=EVALUATION,
        )
        for row in table.to_dict(orient="records"):
            place = ("b", corpus, row["dimension"])
            if row["group_by"] == "speaker":
                # The table has the interval of single draws, the rows that of their mean.
                assert scores.speakers(*place)[row["group"]][0] == pytest.approx(row["ccc"], abs=1e-7)
                continue
            if row["group_by"] == "fairness":
                continue
            rows = scores.ccc(*place, "clean", row["group"])
            low, high = statistics.interval(rows[1:, None], EVALUATION.confidence)
            np.testing.assert_allclose([rows[0], low[0], high[0]], [row["ccc"], row["low"], row["high"]], atol=1e-7)
    assert scores.dimensions("cmu-mosi") == ("valence",)


def test_models_are_compared_on_the_same_resamples(tmp_path):
    options = write_study(tmp_path, {"a": 0.2, "b": 0.4})
    scores = FileEvidence(files_of(options), EVALUATION)
    tables = [
        pd.read_parquet(tmp_path / f"{name}.parquet").set_index("id").sort_index()["valence"]
        for name in ("msp-podcast--labels", "a-1-msp-podcast-clean", "b-1-msp-podcast-clean")
    ]
    truth, first, second = (table.to_numpy(dtype=float) for table in tables)
    found = scores.ccc("a", "msp-podcast", "valence", "clean") - scores.ccc("b", "msp-podcast", "valence", "clean")
    assert found[0] == pytest.approx(ccc(truth, first) - ccc(truth, second))
    drawn = statistics.generator(0, "msp-podcast", "all").integers(0, len(truth), (200, len(truth)))
    naive = [ccc(truth[row], first[row]) - ccc(truth[row], second[row]) for row in drawn]
    np.testing.assert_allclose(found[1:], naive, atol=1e-9)


def test_speakers_are_resampled_around_the_mean_over_draws(tmp_path):
    scores = FileEvidence(files_of(write_study(tmp_path, {"a": 0.3})), EVALUATION)
    people = pd.read_parquet(tmp_path / "iemocap--utterances.parquet")
    mine = people.loc[people["speaker"] == "s2", "id"]
    labels, predicted = (
        pd.read_parquet(tmp_path / f"{name}.parquet").set_index("id").loc[mine, "valence"].to_numpy(dtype=float)
        for name in ("iemocap--labels", "a-1-iemocap-clean")
    )

    def resampled(kind, draws):
        drawn = statistics.generator(0, "iemocap", kind, "s2").integers(0, len(mine), (200, draws))
        return np.array([ccc(labels[rows], predicted[rows]) for rows in drawn])

    mean, everything = resampled("speaker", 15).mean(), resampled("utterances of a speaker", 20)
    found = scores.speakers("a", "iemocap", "valence")["s2"]
    np.testing.assert_allclose(found, [mean, *(everything - everything.mean() + mean)], atol=1e-9)


@pytest.mark.parametrize(("speakers", "each", "draws"), [(19, 220, 200), (10, 32, 20)])
def test_speakers_that_are_alike_are_judged_alike(tmp_path, speakers, each, draws):
    models = {"a": 0.3, "b": 0.35, "c": 0.4}
    options = write_study(tmp_path, models, utterances=speakers * each, speakers=speakers)
    scores = FileEvidence(files_of(options), Evaluation(bootstrap=200, min_samples=each, speaker_draws=draws))
    claims = Claims(roles={"best": "a", "transformers": ("a", "b"), "baseline": "c"}, corpora=CORPORA)
    statements = [BY_ID[name] for name in ("speakers-mostly-similar", "models-agree-on-speakers")]
    alike, agree = evaluate(statements, claims, scores, confidence=0.95)
    assert alike.verdict == SUPPORTED
    assert alike.estimate > 0.85
    for judged in (alike, agree):
        assert judged.low <= judged.estimate <= judged.high
    assert agree.verdict != SUPPORTED  # the models err on their own


def test_seeds_are_averaged(tmp_path):
    both = FileEvidence(files_of(write_study(tmp_path, {"a": 0.3}, seeds=(1, 2))), EVALUATION)
    single = []
    for seed in (1, 2):
        runs = tuple((run, path) for run, path in both.files.predictions if run.seed == seed)
        single.append(FileEvidence(replace(both.files, predictions=runs), EVALUATION))
    place = ("a", "iemocap", "arousal", "clean")
    np.testing.assert_allclose(both.ccc(*place), (single[0].ccc(*place) + single[1].ccc(*place)) / 2)
    speakers = [one.speakers(*place[:3])["s1"] for one in (both, *single)]
    np.testing.assert_allclose(speakers[0], (speakers[1] + speakers[2]) / 2)


def test_original_recordings_are_those_that_were_synthesised(tmp_path):
    options = write_study(tmp_path, {"a": 0.3}, conditions=("clean", "synthesised"))
    scores = FileEvidence(files_of(options), EVALUATION)
    truth = pd.read_parquet(tmp_path / "iemocap--labels.parquet")["valence"].iloc[:40]
    predicted = (
        pd.read_parquet(tmp_path / "a-1-iemocap-clean.parquet").set_index("id").sort_index()["valence"].iloc[:40]
    )
    assert scores.ccc("a", "iemocap", "valence", "original")[0] == pytest.approx(ccc(truth, predicted))
    assert scores.ccc("a", "iemocap", "valence", "synthesised")[0] != scores.ccc("a", "iemocap", "valence", "clean")[0]


def test_what_is_not_available_is_missing(tmp_path):
    options = write_study(tmp_path, {"a": 0.3})
    scores = FileEvidence(files_of(options), EVALUATION)
    with pytest.raises(MissingEvidenceError, match="no predictions of b on iemocap"):
        scores.ccc("b", "iemocap", "valence", "clean")
    with pytest.raises(MissingEvidenceError, match="no predictions of a on iemocap \\(fade\\)"):
        scores.ccc("a", "iemocap", "valence", "fade")
    with pytest.raises(MissingEvidenceError, match="no synthesised utterances"):
        scores.ccc("a", "iemocap", "valence", "synthesised")
    with pytest.raises(MissingEvidenceError, match="no labels of esc-50"):
        scores.ccc("a", "esc-50", "valence", "clean")
    with pytest.raises(MissingEvidenceError, match="no training log"):
        scores.dev_curves("a")
    with pytest.raises(MissingEvidenceError, match="no separation"):
        scores.separation("a", "corpus")
    with pytest.raises(MissingEvidenceError, match="no speaker of iemocap has 99"):
        FileEvidence(scores.files, replace(EVALUATION, min_samples=99)).speakers("a", "iemocap", "valence")


def test_dev_curves_are_those_of_whole_epochs(tmp_path):
    log = pd.DataFrame({"epoch": [1, 1, 2], "step": [4, 6, 12], "epoch_end": [False, True, True]})
    log.assign(dev_mean=[0.9, 0.1, 0.2]).to_csv(tmp_path / "training.csv", index=False)
    files = replace(
        files_of(write_study(tmp_path, {"a": 0.3})), training_logs=((Run("a", 1), tmp_path / "training.csv"),)
    )
    assert [curve.tolist() for curve in FileEvidence(files, EVALUATION).dev_curves("a")] == [[0.1, 0.2]]
    log[:1].assign(dev_mean=0.9).to_csv(tmp_path / "training.csv", index=False)
    with pytest.raises(MissingEvidenceError, match="stopped in its first epoch"):
        FileEvidence(files, EVALUATION).dev_curves("a")


def test_predictions_that_do_not_fit_are_refused(tmp_path):
    options = write_study(tmp_path, {"a": 0.3})
    path = tmp_path / "a-1-iemocap-clean.parquet"
    table = pd.read_parquet(path)
    table.assign(id=["other", *table["id"][1:]]).to_parquet(path, index=False)
    with pytest.raises(UserError, match="a, seed 1, on iemocap") as raised:
        FileEvidence(files_of(options), EVALUATION).ccc("a", "iemocap", "valence", "clean")
    assert "unknown: other" in raised.value.offenders
    assert len(raised.value.offenders) == 2


def test_utterances_skipped_for_their_audio_are_left_out_of_every_condition(tmp_path):
    options = write_study(tmp_path, {"a": 0.3}, conditions=("clean", "synthesised"))
    skipped = pd.read_parquet(tmp_path / "iemocap--utterances.parquet")["id"].iloc[3]
    path = tmp_path / "a-1-iemocap-clean.parquet"
    clean = pd.read_parquet(path).query("id != @skipped")
    clean.to_parquet(path, index=False)
    with pytest.raises(UserError) as raised:
        FileEvidence(files_of(options), EVALUATION).ccc("a", "iemocap", "valence", "clean")
    assert raised.value.offenders == (f"missing: {skipped}",)
    clean[["id"]].to_parquet(tmp_path / "index.parquet", index=False)
    scores = FileEvidence(replace(files_of(options), pack_indexes={"iemocap": tmp_path / "index.parquet"}), EVALUATION)
    labels = pd.read_parquet(tmp_path / "iemocap--labels.parquet").set_index("id")["valence"]
    spoken = pd.read_parquet(tmp_path / "a-1-iemocap-synthesised.parquet").set_index("id")["valence"]
    assert skipped in spoken.index
    for condition, predicted in (("clean", clean.set_index("id")["valence"]), ("synthesised", spoken)):
        both = pd.concat({"truth": labels, "predicted": predicted}, axis=1, join="inner").drop(skipped, errors="ignore")
        expected = ccc(both["truth"].to_numpy(float), both["predicted"].to_numpy(float))
        assert scores.ccc("a", "iemocap", "valence", condition)[0] == pytest.approx(expected)
    assert np.isfinite(scores.ccc("a", "iemocap", "valence", "original")).all()


def test_separation_comes_from_its_table(tmp_path):
    path = tmp_path / "separation.csv"
    rows = [
        ("a", 1, "corpus", "all", 50, 0.8, 0.7, 0.9),
        ("a", 1, "speaker", "all", 50, 0.9, 0.8, 1.0),
        ("a", 1, "speaker", "x", 30, 0.2, 0.1, 0.3),
        ("a", 1, "speaker", "y", 20, 0.4, 0.3, 0.5),
    ]
    columns = ["model", "seed", "property", "within", "samples", "value", "low", "high"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    scores = FileEvidence(EvidenceFiles(separation=path), replace(EVALUATION, bootstrap=20_000))
    assert scores.separation("a", "speaker")[0] == pytest.approx(0.3)
    found = scores.separation("a", "corpus")
    low, high = statistics.interval(found[1:, None], 0.95)
    assert (found[0], low[0], high[0]) == (0.8, pytest.approx(0.7, abs=0.01), pytest.approx(0.9, abs=0.01))
    assert scores.embedded_utterances("a", "corpus") == scores.embedded_utterances("a", "speaker") == 50
    with pytest.raises(MissingEvidenceError, match="gender by a"):
        scores.separation("a", "gender")


@pytest.mark.parametrize(
    ("best", "baseline", "expected"), [(0.1, 0.8, SUPPORTED), (0.8, 0.1, CONTRADICTED), (0.3, 0.3, INCONCLUSIVE)]
)
def test_verdicts_on_made_up_scores(tmp_path, best, baseline, expected):
    options = write_study(tmp_path, {"good": best, "bad": baseline})
    claims = Claims(roles={"best": "good", "baseline": "bad"}, corpora=CORPORA)
    scores = FileEvidence(files_of(options), EVALUATION)
    (judged,) = evaluate([BY_ID["valence-better-than-baseline"]], claims, scores, confidence=0.95)
    assert judged.verdict == expected
    assert judged.cases == 3
    assert judged.low < judged.estimate < judged.high


def run_command(tmp_path, options, claims, *more):
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    arguments = ["claims", "--claims", str(CLAIMS_FILE), "--roles", to_json(claims)]
    arguments += [text for option, texts in options.items() for text in (option, *texts)]
    arguments += ["--evaluation", to_json(EVALUATION), "--output-stem", str(tmp_path / "out" / "claims"), *more]
    parsed = parser.parse_args(arguments)
    parsed.run(parsed)
    return tmp_path / "out" / "claims"


def test_utterances_are_counted_as_they_are_scored(tmp_path):
    options = write_study(tmp_path, {"a": 0.3}, conditions=("clean", "synthesised"))
    path = tmp_path / "iemocap--labels.parquet"
    labels = pd.read_parquet(path)
    labels.assign(arousal=np.nan, valence=[np.nan, *labels["valence"][1:]]).to_parquet(path, index=False)
    scores = FileEvidence(files_of(options), EVALUATION)
    assert scores.utterances("msp-podcast", "clean") == 80
    assert scores.utterances("msp-podcast", "synthesised") == 40
    assert scores.utterances("iemocap", "clean") == 80  # dominance has all labels


def test_command_writes_tables_and_prints_one_line(tmp_path, capsys):
    options = write_study(tmp_path, {"w2v2-L-robust": 0.1, "cnn14": 0.8}, conditions=("clean", "fade"))
    log = tmp_path / "training.csv"
    pd.DataFrame({"epoch": [1, 0], "dev_mean": [0.5, 0.4]}).to_csv(log, index=False)
    options["--training-logs"] = [f"w2v2-b:1={log}", f"cnn14:1={log}"]
    (tmp_path / "convergence.json").write_text(json.dumps({"models": {"cnn14": {"mark": "not converged"}}}))
    more = ("--note", "miniature", "--record", str(tmp_path / "out/claims.run.json"))
    more += ("--convergence", str(tmp_path / "convergence.json"))
    stem = run_command(tmp_path, options, paper_claims(conditions={"mild": ("fade",)}), *more)

    table = pd.read_csv(stem.with_suffix(".csv")).set_index("id")
    assert len(table) == len(STATEMENTS)
    assert list(table["section"]) == sorted(table["section"])
    row = table.loc["valence-better-than-baseline"]
    assert (row["verdict"], row["cases"], row["threshold"]) == (SUPPORTED, 3, 0)
    assert row["low"] > 0
    assert "w2v2-L-robust" in row["compared"]
    assert table.loc["pre-trained-converges-earlier", "why"] == "w2v2-b was trained with one seed"
    assert table.loc["best-is-most-robust", "why"] == "no conditions in the role of augmented"
    assert table["published"].isna().all()

    assert 0 < row["p_value"] <= row["p_adjusted"] <= 0.05
    assert row["holds_corrected"]
    assert table.loc[[one.id for one in STATEMENTS if one.contrast], "p_value"].isna().all()

    found = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
    best = {one["id"]: one for one in found["claims"]}["valence-better-than-baseline"]
    assert best["se_bootstrap"] == max(best["se_utterances"], best["se_speakers"]) == best["standard_error"]
    assert (best["se_seeds"], best["borrowed_from"], best["interval_covers"]) == (None, [], "utterances only")
    assert best["seeds"] == {"w2v2-L-robust": 1, "cnn14": 1}
    assert (best["limited_by"], best["needs"]) == ("", {"utterances": None, "seeds": None})
    assert best["not_converged"] == ["cnn14"]
    limits = {one["limited_by"] for one in found["claims"] if one["verdict"] == INCONCLUSIVE}
    assert limits <= {"utterances", "seeds", "centre", "roles"}
    assert "roles" in limits
    assert row["not_converged"] == "cnn14"
    assert capsys.readouterr().out.strip() == found["summary"]
    record = json.loads(stem.with_suffix(".run.json").read_text())
    assert record["definition"]["note"] == "miniature"
    assert len(record["inputs"]) == 2 + sum(map(len, options.values()))  # claims file, convergence, all options
    assert record["inputs"]["training logs/cnn14:1"] == sha256(log.read_bytes()).hexdigest()
    assert "published" not in found
    text = stem.with_suffix(".md").read_text(encoding="utf-8")
    assert "(miniature)" in text.splitlines()[0]
    assert text.count("\n## ") == 1 + 15 + 1  # headline claims, sections, results without a claim
    assert text.index("## Title, abstract and conclusion") < text.index("## II ")
    headline = text[text.index("## Title, abstract and conclusion") : text.index("## II ")]
    assert headline.count("\n| ") - 2 == sum(one.headline for one in STATEMENTS) == table["headline"].sum()
    assert all(one.result in text for one in read_not_checked(CLAIMS_FILE))
    assert found["summary"] in text
    assert all(one.words in text for one in STATEMENTS)


def test_command_compares_with_the_published_scores(tmp_path):
    options = write_study(tmp_path, {"w2v2-L-robust": 0.1, "cnn14": 0.8}, conditions=("clean", "fade"))
    stem = run_command(tmp_path, options, paper_claims(), "--published")
    row = pd.read_csv(stem.with_suffix(".csv")).set_index("id").loc["valence-gains-most"]
    other = row["why"].partition("; would take")[0].split()[-1]
    published = (0.635 - 0.248) - {"arousal": 0.745 - 0.658, "dominance": 0.634 - 0.565}[other]
    assert row["published"] == pytest.approx(published)
    assert row["difference"] == pytest.approx(row["estimate"] - published)
    scores = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))["published"]
    by_place = {(one["model"], one["corpus"], one["dimension"], one["condition"]): one for one in scores}
    ours = by_place["w2v2-L-robust", "msp-podcast", "arousal", "clean"]
    assert ours["published"] == 0.745
    assert ours["difference"] == pytest.approx(ours["value"] - 0.745)
    assert by_place["w2v2-L-robust", "iemocap", "arousal", "fade"]["published"] == pytest.approx(0.663 - 0.001)
    assert by_place["hubert-L", "msp-podcast", "valence", "clean"]["value"] is None
    assert "Beside the published numbers" in stem.with_suffix(".md").read_text(encoding="utf-8")


def test_published_value_of_one_case_is_that_of_the_deciding_one(tmp_path):
    options = write_study(tmp_path, {"w2v2-L-robust": 0.4, "cnn14": 0.3})
    judged = evaluate(
        [replace(BY_ID["valence-better-than-baseline"], first=Side(models="best", dimensions=("valence",)))],
        paper_claims(),
        FileEvidence(files_of(options), EVALUATION),
        confidence=0.95,
        published=PublishedEvidence(),
    )
    assert judged[0].published == pytest.approx(0.635 - 0.248)
