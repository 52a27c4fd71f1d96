"""Fetching pre-trained encoders: from local folders, and from a simulated hub with its failures."""

import errno
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import torch
from huggingface_hub import errors
from safetensors.torch import load_file, save_file

from valence_gap.definitions.models import Backbone, is_local
from valence_gap.definitions.values import from_json
from valence_gap.models import cnn14
from valence_gap.models.families import FAMILIES
from valence_gap.preflight.weights import examine_backbone
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.provenance import checksum
from valence_gap.text.transcription import RECOGNISERS
from valence_gap.weights import hub, model_types
from valence_gap.weights.fetch import fetch_pretrained, licence

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = Backbone(source="facebook/some-encoder", revision=COMMIT)
STATE = {"encoder.weight": torch.arange(6.0).reshape(2, 3), "encoder.bias": torch.ones(2)}
CARD = "---\nlanguage: en\nlicense: apache-2.0\n---\n# A card\nlicense: not this one\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "hubert"}')
    (folder / "preprocessor_config.json").write_text('{"do_normalize": true}')
    (folder / "README.md").write_text(CARD)
    (folder / "training_args.bin").write_bytes(b"not needed")
    save_file(STATE, folder / "model.safetensors")
    return folder


def fetch(source: Path, output: Path) -> dict[str, object]:
    fetch_pretrained("b", Backbone(source=str(source)), output)
    record: dict[str, object] = json.loads((output / "run.json").read_text())
    return record


def test_local_folder_is_copied_and_recorded(source: Path, tmp_path: Path) -> None:
    record = fetch(source, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "run.json",
    ]
    assert record["licence"] == "apache-2.0"
    assert record["parameters"] == 8
    assert record["sha256"]["model.safetensors"] == checksum(source / "model.safetensors")  # type: ignore[index]
    assert record["source"] == str(source)


def test_pickled_weights_are_converted(source: Path, tmp_path: Path) -> None:
    (source / "model.safetensors").unlink()
    shared = STATE | {"tied.bias": STATE["encoder.bias"], "turned": STATE["encoder.weight"].T}
    torch.save(shared, source / "pytorch_model.bin")
    fetch(source, tmp_path / "out")
    read = load_file(tmp_path / "out/model.safetensors")
    assert read.keys() == shared.keys()
    assert all(torch.equal(read[key], shared[key]) for key in shared)
    assert not (tmp_path / "out/pytorch_model.bin").exists()
    assert (tmp_path / "out/model.safetensors").stat().st_mode == (tmp_path / "out/config.json").stat().st_mode


class Hostile:
    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.proof,)


def test_pickled_code_is_refused_and_not_run(source: Path, tmp_path: Path) -> None:
    (source / "model.safetensors").unlink()
    (source / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(tmp_path / "proof")))
    with pytest.raises(UserError, match="cannot be read as plain tensors"):
        fetch(source, tmp_path / "out")
    assert not (tmp_path / "proof").exists()
    assert not (tmp_path / "out").exists()


def test_truncated_safetensors(source: Path, tmp_path: Path) -> None:
    whole = (source / "model.safetensors").read_bytes()
    (source / "model.safetensors").write_bytes(whole[:-4])
    with pytest.raises(UserError, match="cut off or damaged"):
        fetch(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("missing", "message"), [("config.json", "has no config.json"), ("model.safetensors", "neither model.safetensors")]
)
def test_missing_files(source: Path, tmp_path: Path, missing: str, message: str) -> None:
    (source / missing).unlink()
    with pytest.raises(UserError, match=message):
        fetch(source, tmp_path / "out")


def test_failure_leaves_the_earlier_folder_alone(source: Path, tmp_path: Path) -> None:
    fetch(source, tmp_path / "out")
    (source / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(UserError):
        fetch(source, tmp_path / "out")
    assert load_file(tmp_path / "out/model.safetensors").keys() == STATE.keys()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


@pytest.mark.parametrize(
    ("config", "architecture", "message"),
    [
        (
            '{"model_type": "bert"}',
            "transformer",
            "model_type 'bert'; a speech encoder is required, valid: data",
        ),
        ('{"model_type": "hubert"}', "text", "model_type 'hubert'; a text encoder is required, valid: bert"),
        ('{"model_type": "hubert"}', "recogniser", "has no lm_head.*: it is an encoder without a head for letters"),
        ("{}", "transformer", "has no model_type; a speech encoder is required"),
    ],
)
@pytest.mark.parametrize("pickled", [False, True])
def test_another_kind_of_model_is_refused(
    source: Path, tmp_path: Path, config: str, architecture: str, message: str, pickled: bool
) -> None:
    (source / "config.json").write_text(config)
    if pickled:
        (source / "model.safetensors").unlink()
        torch.save(STATE, source / "pytorch_model.bin")
    backbone = from_json(Backbone, json.dumps({"source": str(source), "architecture": architecture}))
    with pytest.raises(UserError, match="is not the kind of model that is required") as raised:
        fetch_pretrained("b", backbone, tmp_path / "out")
    (offender,) = raised.value.offenders
    assert message in offender
    assert offender.startswith(f"{source}/")
    assert not (tmp_path / "out").exists()
    if not pickled or "lm_head" not in message:  # the names of pickled weights are not checked
        finding = examine_backbone("b", backbone, tmp_path / "out")
        assert (finding.status, finding.details) == ("wrong", ("Correct backbones.b.source.",))
        assert message in finding.found


def test_the_required_model_types_are_those_that_can_be_loaded() -> None:
    assert set(model_types.SPEECH_MODEL_TYPES) == set(FAMILIES)
    assert model_types.CNN14_MODEL_TYPE == cnn14.MODEL_TYPE
    assert set(model_types.MODEL_REQUIREMENTS["recogniser"].kinds) == set(RECOGNISERS)


def test_the_miniatures_models_have_the_required_model_types() -> None:
    folder = Path(__file__).parents[3] / "resources/miniature"
    models = {"mini-hubert-b": ["transformer"], "mini-asr": ["transformer", "recogniser"], "mini-bert": ["text"]}
    for name, expected in models.items():
        fitting = [
            each for each in model_types.MODEL_REQUIREMENTS if model_types.model_type_error(folder / name, each) is None
        ]
        assert fitting == expected


def test_missing_folder_and_source(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        fetch(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(UserError, match="has no source"):
        fetch_pretrained("b", Backbone(), tmp_path / "out")


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:7], COMMIT.upper(), COMMIT + "0"])
def test_hub_id_must_be_pinned_to_a_commit(tmp_path: Path, revision: str | None) -> None:
    with pytest.raises(UserError, match="40 hexadecimal digits"):
        fetch_pretrained("b", Backbone(source="facebook/some-encoder", revision=revision), tmp_path / "out")


def http_error(kind: type[Exception], status: int = 400) -> Exception:
    return kind("refused", response=MagicMock(headers={}, status_code=status))  # type: ignore[call-arg]


def caused_by(cause: Exception) -> Exception:
    """The error that the library raises if it cannot reach the hub, for any reason."""
    error = errors.LocalEntryNotFoundError("an error happened")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "messages"),
    [
        (
            errors.LocalEntryNotFoundError("no connection"),
            ["facebook/some-encoder", COMMIT, "config.json", "hf download"],
        ),
        (errors.OfflineModeIsEnabled("offline"), [COMMIT, "model.safetensors", "pytorch_model.bin", "source"]),
        (ConnectionError("refused"), [COMMIT]),
        (http_error(errors.HfHubHTTPError), [COMMIT]),
        (http_error(errors.HfHubHTTPError, 401), ["login", "hf auth login"]),
        (http_error(errors.HfHubHTTPError, 403), ["gated", "Ask for access"]),
        (http_error(errors.HfHubHTTPError, 429), ["overloaded", "429", "Try again later"]),
        (caused_by(http_error(errors.HfHubHTTPError, 503)), ["out of order", "503", "Try again later"]),
        (caused_by(ConnectionError("refused")), ["hf download"]),
        (OSError(errno.ENOSPC, "No space left on device", "/scratch/x"), ["the disk is full", "/scratch/x"]),
        (PermissionError(errno.EACCES, "Permission denied", "/cache/x"), ["/cache/x", "permissions"]),
        (http_error(errors.GatedRepoError), ["gated", "log in"]),
        (http_error(errors.RepositoryNotFoundError), ["no model facebook/some-encoder"]),
        (http_error(errors.RevisionNotFoundError), [f"no commit {COMMIT}"]),
    ],
)
def test_hub_failures_are_reported_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, messages: list[str]
) -> None:
    def raise_if_invalid(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(hub, "snapshot_download", raise_if_invalid)
    with pytest.raises(UserError) as raised:
        fetch_pretrained("b", HUB, tmp_path / "out")
    assert all(message in str(raised.value) for message in messages)
    assert ("hf download" in str(raised.value)) == (COMMIT in messages or "hf download" in messages)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pickled", [False, True])
def test_hub_download_requests_the_pinned_commit_and_required_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: Path, pickled: bool
) -> None:
    if pickled:
        (source / "model.safetensors").unlink()
        torch.save(STATE, source / "pytorch_model.bin")
    requested: list[str] = []

    def serve(repo: str, *, revision: str, allow_patterns: list[str], local_dir: Path) -> None:
        assert (repo, revision) == (HUB.source, COMMIT)
        requested.extend(allow_patterns)
        for file in source.iterdir():
            if file.name in allow_patterns:
                (local_dir / file.name).write_bytes(file.read_bytes())

    monkeypatch.setattr(hub, "snapshot_download", serve)
    fetch_pretrained("b", HUB, tmp_path / "out")
    assert ("pytorch_model.bin" in requested) == pickled  # both formats would double the download
    assert torch.equal(load_file(tmp_path / "out/model.safetensors")["encoder.bias"], STATE["encoder.bias"])
    assert json.loads((tmp_path / "out/run.json").read_text())["revision"] == COMMIT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_licence_is_read_from_the_metadata_of_the_model_card_only(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    assert licence(card) is None
    for text, expected in [
        (CARD, "apache-2.0"),
        ("---\nlicense: 'cc-by-nc-4.0'\n---\n", "cc-by-nc-4.0"),
        ("---\ntags: []\n---\nlicense: mit\n", None),
        ("license: mit\n", None),
    ]:
        card.write_text(text)
        assert licence(card) == expected


def test_local_sources_are_distinguished_from_hub_ids() -> None:
    assert [is_local(text) for text in ("/a/b", "./a", "../a", "~/a")] == [True] * 4
    assert [is_local(text) for text in ("facebook/a", "a")] == [False] * 2
