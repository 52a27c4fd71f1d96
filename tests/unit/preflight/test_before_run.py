"""The preflight before a run: what it checks each time, and what it does not read again."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from corpus_trees import write
from preflight_data import ROOT, configured, found
from preflight_data import study as study  # a fixture

from valence_gap.preflight import budget, record, run
from valence_gap.preflight.before_run import preflight_before_run
from valence_gap.preflight.costs import Costs
from valence_gap.preflight.memory import JOB_PROCESSES_MB, REQUESTED_MEM_MB, job_memory
from valence_gap.preflight.plan import plan_of
from valence_gap.preflight.run import examine, merge, merged
from valence_gap.runtime.errors import UserError


@pytest.fixture
def enabled(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A configuration with ``preflight: true``, in a folder where its results can be written."""
    pinned = {"study": "enabled", "preflight": True, "backbones": {"w2v2-b": {"revision": "0" * 40}}}
    own = [ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml", study]
    config = merge(merged(own), pinned)
    (tmp_path / "workflow").symlink_to(ROOT / "workflow")
    monkeypatch.chdir(tmp_path)
    return config


def checked(config: Mapping[str, object], *planned: str, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether the preflight before the run printed its table."""
    preflight_before_run(config, planned)
    return "hours on " in capsys.readouterr().out


def test_a_study_is_checked_once_before_costly_rules(enabled: dict, capsys: pytest.CaptureFixture[str]) -> None:
    assert not checked(enabled, "inventory", "prepare_corpus", "fetch_pretrained", "figure_02", capsys=capsys)
    assert not checked(enabled | {"preflight": False}, "finetune", capsys=capsys)
    assert checked(enabled, "pack_audio", "finetune", capsys=capsys)
    assert not checked(enabled, "finetune", capsys=capsys)
    assert checked(merge(enabled, {"seed": 1}), "finetune", capsys=capsys)
    assert checked(enabled, "finetune", capsys=capsys)


def test_the_run_is_refused_until_the_fault_is_fixed(enabled: dict, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = merge(enabled, {"backbones": {"w2v2-b": {"revision": None}}})
    for _ in range(2):
        with pytest.raises(UserError, match="w2v2-b: weights"):
            preflight_before_run(wrong, ["finetune"])
    assert checked(enabled, "finetune", capsys=capsys)
    Path("results/enabled/preflight.json").write_text("{")
    assert checked(enabled, "finetune", capsys=capsys)


def test_only_the_requested_targets_are_checked(enabled: dict) -> None:
    # The corpus has no transcripts for figure 4.
    figure_04 = {"models": ["w2v2-b", "w2v2-b-frozen"], "corpora": ["msp-podcast"]}
    config = merge(enabled, {"targets": ["figure_02", "figure_04"], "figures": {"figure_04": figure_04}})
    preflight_before_run(config, ["finetune", "figure_02"])
    with pytest.raises(UserError, match="no utterance has a transcript"):
        preflight_before_run(config, ["finetune", "figure_02", "figure_04"])


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the corpora that are read from now on."""
    names: list[str] = []
    examine_corpus = run.examine_corpus

    def noted(name: str, *arguments: Any, **named: Any) -> Any:
        names.append(name)
        return examine_corpus(name, *arguments, **named)

    monkeypatch.setattr(run, "examine_corpus", noted)
    return names


def test_a_valid_corpus_is_read_once_for_its_definition_and_paths(enabled: dict, read: list[str]) -> None:
    preflight_before_run(enabled, ["finetune"])
    preflight_before_run(merge(enabled, {"seed": 1, "recipes": {"paper": {"epochs": 3}}}), ["finetune"])
    assert read == ["msp-podcast"]
    preflight_before_run(merge(enabled, {"corpora": {"msp-podcast": {"on_bad_audio": "skip"}}}), ["finetune"])
    assert len(read) == 2


def test_the_record_of_a_corpus_is_what_was_read(enabled: dict) -> None:
    preflight_before_run(enabled, ["finetune"])
    first = record.read(Path("results/enabled/preflight.json"))
    preflight_before_run(enabled, ["finetune"])
    again = record.read(Path("results/enabled/preflight.json"))
    assert first is not None
    assert again is not None
    assert again.corpora == first.corpora
    assert first.corpora["msp-podcast"].speech["test"].seconds == 4.0
    assert again.statuses() == first.statuses()


def test_a_full_disk_or_a_corpus_that_is_gone_is_noticed_by_the_next_run(
    enabled: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    preflight_before_run(enabled, ["finetune"])
    with monkeypatch.context() as patched:
        patched.setattr(budget.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 0}))
        with pytest.raises(UserError, match="cannot be run") as error:
            preflight_before_run(enabled, ["finetune"])
        assert [line.split(": ")[:2] for line in error.value.offenders] == [["machine", "disk"]]
    preflight_before_run(enabled, ["finetune"])
    shutil.rmtree(tmp_path / "msp/Audios")
    with pytest.raises(UserError) as error:
        preflight_before_run(enabled, ["finetune"])
    assert any(line.startswith("msp-podcast: place") for line in error.value.offenders)


def test_jobs_that_need_more_memory_than_their_rules_request(study: Path) -> None:
    wide = {"model_type": "wav2vec2", "hidden_size": 1024, "num_hidden_layers": 48, "intermediate_size": 4096}
    write(Path("wide/config.json"), json.dumps(wide))
    figure = {"models": ["cnn14", "w2v2-b"], "corpora": ["msp-podcast"]}

    def examined(source: str) -> tuple[str, tuple[str, ...]]:
        one = configured(study, backbones={"w2v2-b": {"source": source}}, figures={"figure_02": figure})
        finding = job_memory(Costs(one, plan_of(one), {}))
        return finding.status, finding.details

    assert examined("facebook/wav2vec2-base")[0] == "ok"
    status, details = examined("./wide")
    weights = 48 * 12 * 1024**2
    (line,) = [line for line in details if line.startswith("--set-resources ")]
    requested = {rule: int(size) for rule, _, size in (word.partition(":mem_mb=") for word in line.split()[1:])}
    assert status == "differs"
    assert set(requested) == {"fetch_pretrained", "finetune", "predict"}
    assert requested["finetune"] == pytest.approx((16 * weights + 2e9) / 1e6, rel=0.03)
    assert requested["predict"] == pytest.approx((8 * weights + 2e9) / 1e6, rel=0.03)
    assert f"finetune: {{mem_mb: {requested['finetune'] + JOB_PROCESSES_MB} * attempt}}" in details
    assert all(size > REQUESTED_MEM_MB[rule] for rule, size in requested.items())


@pytest.mark.parametrize("kind", ["whisper", "wav2vec2-bert"])
def test_an_encoder_without_a_stem_must_be_streamed(study: Path, kind: str) -> None:
    write(Path("local/config.json"), json.dumps({"model_type": kind}))
    with pytest.raises(UserError, match="not valid") as error:
        configured(study, backbones={"w2v2-b": {"source": "./local"}})
    assert error.value.offenders[0].startswith(f"backbones.w2v2-b.streamed: must be true; ./local is a {kind}")
    configured(study, backbones={"w2v2-b": {"source": "./local", "streamed": True}})
    configured(study, backbones={"w2v2-b": {"source": "./local"}}, cached_splits=[])


@pytest.mark.parametrize("source", ["openai/whisper-small", "facebook/w2v-bert-2.0", "someone/fetched"])
def test_a_hub_encoder_without_a_stem_is_reported_before_anything_runs(study: Path, source: str) -> None:
    if source == "someone/fetched":
        write(Path("results/paper/pretrained/w2v2-b/config.json"), json.dumps({"model_type": "whisper"}))

    def examined(**more: object) -> Any:
        changed = configured(study, backbones={"w2v2-b": {"source": source, "revision": "0" * 40, **more}})
        return found(examine(changed), "weights", "w2v2-b")

    assert (examined().status, examined().details) == ("wrong", ("Set backbones.w2v2-b.streamed: true.",))
    assert examined(streamed=True).status == "unknown"
