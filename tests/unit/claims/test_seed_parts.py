import json

import numpy as np
import pandas as pd
import pytest
from claims_data import paper_claims, statement, write_study

from valence_gap.claims.check import not_converged
from valence_gap.claims.file_evidence import FileEvidence
from valence_gap.claims.labelled_test_sets import EvidenceFiles
from valence_gap.claims.verdicts import evaluate
from valence_gap.definitions.claims import Side
from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.figures import keyed_files, runs_of
from valence_gap.runtime.errors import UserError
from valence_gap.scores import statistics
from valence_gap.scores.metrics import ccc

EVALUATION = Evaluation(bootstrap=300)
BEST, BASELINE, SMALL, OTHER = "w2v2-L-robust", "cnn14", "w2v2-b", "hubert-b"
KINDS = {BEST: "fine-tuned", SMALL: "fine-tuned", OTHER: "fine-tuned", BASELINE: "CNN14"}


def evidence_of(tmp_path, *parts):
    """Evidence of models that differ in their number of seeds: (models with their noise, seeds) each."""
    predictions = []
    for models, seeds in parts:
        options = write_study(tmp_path, models, seeds=seeds)
        predictions += options["--predictions"]
    files = EvidenceFiles(
        predictions=runs_of(predictions, "--predictions", parts=3),
        labels=dict(keyed_files(options["--labels"], "--labels")),
        utterances=dict(keyed_files(options["--utterances"], "--utterances")),
    )
    return FileEvidence(files, EVALUATION)


def by_seed(evidence, model, dimension="valence", corpus="msp-podcast"):
    """CCC of each seed of a model."""
    place = (corpus, dimension, "clean")
    return np.array([evidence.only(model, seed).ccc(model, *place)[0] for seed in evidence.seeds(model)])


def judged(evidence, one, kinds=KINDS, claims=None, failed=()):
    (found,) = evaluate([one], claims or paper_claims(), evidence, confidence=0.95, kinds=kinds, not_converged=failed)
    return found


def test_the_seeds_of_a_difference_add_the_variance_of_both_models(tmp_path):
    evidence = evidence_of(tmp_path, ({BEST: 0.3, BASELINE: 0.4}, (1, 2, 3)))
    errors = judged(evidence, statement()).errors
    own = [by_seed(evidence, name).var(ddof=1) for name in (BEST, BASELINE)]
    assert errors.se_seeds == pytest.approx(np.sqrt(sum(own) / 3))
    assert errors.standard_error == pytest.approx(np.hypot(errors.se_bootstrap, errors.se_seeds))
    assert errors.seeds == {BEST: 3, BASELINE: 3}
    assert errors.interval_covers == "utterances and seeds"
    assert set(errors.borrowed_from) == {BEST, BASELINE}


def test_a_model_with_one_seed_borrows_the_variance_of_its_kind(tmp_path):
    evidence = evidence_of(tmp_path, ({SMALL: 0.3, OTHER: 0.5, BASELINE: 0.4}, (1, 2, 3)), ({BEST: 0.3}, (1,)))
    found = judged(evidence, statement())
    own = [by_seed(evidence, name).var(ddof=1) for name in (SMALL, OTHER, BASELINE)]
    borrowed = (own[0] + own[1]) / 2
    assert found.errors.se_seeds == pytest.approx(np.sqrt(borrowed / 1 + own[2] / 3))
    assert (found.errors.seeds, found.errors.borrowed_from) == ({BEST: 1, BASELINE: 3}, (SMALL, OTHER, BASELINE))
    assert found.low < found.estimate < found.high


def test_where_nothing_can_be_borrowed_the_interval_covers_utterances_only(tmp_path):
    evidence = evidence_of(tmp_path, ({BEST: 0.3, BASELINE: 0.4}, (1,)))
    found = judged(evidence, statement())
    assert (found.errors.se_seeds, found.errors.borrowed_from) == (None, ())
    assert found.errors.interval_covers == "utterances only"
    assert found.errors.seeds_unknown == (BEST, BASELINE)
    assert found.errors.standard_error == found.errors.se_bootstrap
    partly = evidence_of(tmp_path, ({BASELINE: 0.4}, (1, 2)), ({BEST: 0.3}, (1,)))
    errors = judged(partly, statement()).errors
    assert (errors.interval_covers, errors.seeds_unknown) == ("utterances only", (BEST,))
    assert errors.se_seeds == pytest.approx(by_seed(partly, BASELINE).std(ddof=1) / np.sqrt(2))


def test_a_fusion_is_moved_together_with_its_audio_model_of_the_same_seed(tmp_path):
    evidence = evidence_of(tmp_path, ({BEST: 0.3, f"{BEST}-fusion": 0.25}, (1, 2, 3)))
    gain = statement(quantity="gain_of_fusion", second=None)
    found = judged(evidence, gain)
    differences = by_seed(evidence, f"{BEST}-fusion") - by_seed(evidence, BEST)
    assert found.errors.se_seeds == pytest.approx(differences.std(ddof=1) / np.sqrt(3))
    assert set(found.errors.borrowed_from) == {BEST, f"{BEST}-fusion"}


def test_scores_of_a_seed_keep_their_covariance_over_dimensions(tmp_path):
    evidence = evidence_of(tmp_path, ({BEST: 0.3}, (1, 2, 3)))
    one = statement(second=Side(dimensions=("arousal",)))
    difference = by_seed(evidence, BEST) - by_seed(evidence, BEST, "arousal")
    assert judged(evidence, one).errors.se_seeds == pytest.approx(difference.std(ddof=1) / np.sqrt(3))


def test_a_value_that_is_not_linear_is_computed_again_for_each_seed(tmp_path):
    evidence = evidence_of(tmp_path, ({BEST: 0.3}, (1, 2, 3)))
    one = statement(
        quantity="relative_drop",
        first=Side(models="best", corpora=("cross-corpus",), dimensions=("arousal",)),
        second=None,
    )
    inside, outside = (by_seed(evidence, BEST, "arousal", corpus) for corpus in ("msp-podcast", "iemocap"))
    drops = 1 - outside / inside
    assert judged(evidence, one).errors.se_seeds == pytest.approx(drops.std(ddof=1) / np.sqrt(3))


def test_speakers_are_resampled_with_all_their_utterances(tmp_path):
    evidence = evidence_of(tmp_path, ({BEST: 0.3, BASELINE: 0.4}, (1,)))
    people = pd.read_parquet(tmp_path / "msp-podcast--utterances.parquet")
    tables = [
        pd.read_parquet(tmp_path / f"{name}.parquet").set_index("id").loc[people["id"], "valence"].to_numpy(float)
        for name in ("msp-podcast--labels", f"{BEST}-1-msp-podcast-clean", f"{BASELINE}-1-msp-podcast-clean")
    ]
    numbers = np.unique(people["speaker"], return_inverse=True)[1]
    drawn = statistics.generator(0, "speakers", "msp-podcast", "all").integers(0, 4, (300, 4))
    naive = []
    for speakers in drawn:
        truth, first, second = (
            np.concatenate([values[numbers == speaker] for speaker in speakers]) for values in tables
        )
        naive.append(ccc(truth, first) - ccc(truth, second))
    errors = judged(evidence, statement()).errors
    assert errors.se_speakers == pytest.approx(np.std(naive, ddof=1) * np.sqrt(4 / 3))  # of four speakers
    assert errors.se_bootstrap == max(errors.se_speakers, errors.se_utterances)


def test_a_corpus_without_speakers_has_the_error_over_utterances_only(tmp_path):
    evidence = evidence_of(tmp_path, ({BEST: 0.3, BASELINE: 0.4}, (1,)))
    path = tmp_path / "msp-podcast--utterances.parquet"
    pd.read_parquet(path).assign(speaker=None).to_parquet(path, index=False)
    errors = judged(evidence, statement()).errors
    assert (errors.se_speakers, errors.se_bootstrap) == (None, errors.se_utterances)
    assert errors.degrees_of_freedom is None


def test_comparisons_with_a_model_that_fails_the_stopping_rule_are_marked(tmp_path):
    evidence = evidence_of(tmp_path, ({BEST: 0.3, BASELINE: 0.4, f"{BEST}-fusion": 0.3}, (1, 2)))
    assert judged(evidence, statement()).not_converged == ()
    assert judged(evidence, statement(), failed=[BASELINE]).not_converged == (BASELINE,)
    gain = statement(quantity="gain_of_fusion", second=None)
    assert judged(evidence, gain, failed=[BEST]).not_converged == (f"{BEST}-fusion", BEST)


def test_which_models_have_not_converged_is_read_from_the_file(tmp_path):
    path = tmp_path / "convergence.json"
    models = {"a": {"mark": "not converged"}, "b": {"mark": ""}, "c": {"mark": "not converged"}}
    path.write_text(json.dumps({"models": models}))
    assert not_converged(path) == ("a", "c")
    path.write_text(json.dumps({"a": "no"}))
    with pytest.raises(UserError, match="which models have converged") as raised:
        not_converged(path)
    assert str(path) in raised.value.offenders[0]


def test_the_same_evidence_gives_the_same_numbers(tmp_path):
    parts = (({BEST: 0.3, BASELINE: 0.4}, (1, 2, 3)),)
    one = statement(first=Side(models="best"), quantifier="some", over=("dimensions",))
    first, second = (judged(evidence_of(tmp_path, *parts), one) for _ in range(2))
    assert first == second
