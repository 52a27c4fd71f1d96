"""Masked prediction with a small model and a few steps on synthetic tones."""

import json
import os
import signal
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, HubertModel, Wav2Vec2Model

from valence_gap.cli import main
from valence_gap.commands.options import EXIT_INTERRUPTED
from valence_gap.definitions.miniature import Pretraining, Speech
from valence_gap.definitions.values import to_json
from valence_gap.pretraining import backbone, masked_prediction, targets
from valence_gap.pretraining import mfcc as mfccs
from valence_gap.pretraining.backbone import build
from valence_gap.pretraining.crops import batches, span_mask
from valence_gap.pretraining.framing import framing
from valence_gap.pretraining.masked_prediction import (
    MaskedPredictor,
    losses,
    pretrain,
    pretrain_on,
    train,
    unmasked_weight,
)
from valence_gap.pretraining.saved_progress import Progress, SavedProgress
from valence_gap.pretraining.targets import assign_clusters, fit_kmeans, mfcc_targets, normalise_level, weighted
from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError

FRAMES = framing((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2))
WIDE = {"stem_kernels": (10, 3, 3, 3, 3, 2, 4), "stem_strides": (5, 2, 2, 2, 2, 2, 4)}  # 25 frames per second


def definition(**changes: object) -> Pretraining:
    small: dict[str, object] = {
        "architecture": "hubert",
        "stem": "group",
        "stem_channels": (8,) * 7,
        "hidden": 32,
        "layers": 2,
        "heads": 2,
        "speech": "tones",
        "hours": 0.005,
        "steps": 4,
        "clusters": 8,
        "batch_size": 2,
        "warm_up": 2,
        "crop_frames": (30, 50),
    }
    return Pretraining(**(small | changes))  # type: ignore[arg-type]


def tones(seconds: float, *, seed: int = 0, tone_s: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Harmonic tones in a fixed melody, a little noise, and a different loudness in each utterance."""
    generator = np.random.default_rng(seed)
    count = int(seconds / tone_s)
    time_s = np.arange(int(tone_s * 16_000)) / 16_000
    melody = [np.sin(2 * np.pi * (300 + 450 * (i % 5)) * time_s) for i in range(count)]
    samples = np.concatenate(melody)
    samples += 0.01 * generator.standard_normal(len(samples))
    offsets = np.linspace(0, len(samples), 5).astype(np.int64)
    for first, last, gain in zip(offsets[:-1], offsets[1:], (500, 1_000, 4_000, 9_000), strict=True):
        samples[first:last] *= gain
    return samples.astype(np.int16), offsets


def test_mfcc_against_scipy() -> None:
    samples = np.random.default_rng(0).integers(-9_000, 9_000, 320 * 9 + 400).astype(np.int16)
    found = mfccs.mfcc(samples)
    assert found.shape == (10, 39)
    frame = samples[320 * 4 : 320 * 4 + 400] / 32_768
    frame = np.append(frame[:1] * 0.03, frame[1:] - 0.97 * frame[:-1]) * np.hamming(400)
    power = np.abs(np.fft.rfft(frame, 512)) ** 2
    expected = scipy.fft.dct(np.log(power @ mfccs.mel_filters()), norm="ortho")[:13]
    np.testing.assert_allclose(found[4, :13], expected, rtol=1e-3, atol=1e-3)


def test_deltas_are_the_slope() -> None:
    line = (np.arange(20.0)[:, None] * np.array([3.0, -1.0])).astype(np.float32)
    np.testing.assert_allclose(mfccs.deltas(line)[2:-2], np.broadcast_to([3.0, -1.0], (16, 2)), rtol=1e-5)


def test_the_size_of_the_blocks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, _ = tones(3)
    whole = mfccs.mfcc(samples)
    monkeypatch.setattr(mfccs, "BLOCK", 7)
    np.testing.assert_allclose(mfccs.mfcc(samples), whole, rtol=1e-3, atol=1e-3)


@given(st.integers(0, 50_000), st.sampled_from([2, 4, 6]))
def test_frames_are_those_of_the_stem(samples: int, last: int) -> None:
    kernels, strides = (10, 3, 3, 3, 3, 2, last), (5, 2, 2, 2, 2, 2, last)
    frames = framing(kernels, strides)
    length = samples
    for kernel, stride in zip(kernels, strides, strict=True):
        length = max(0, (length - kernel) // stride + 1) if length >= kernel else 0
    assert frames.frames_of(samples) == length
    assert frames.parts == last // 2
    if length:
        assert frames.frames_of(frames.samples_of(length)) == length
        assert mfccs.frames_of(samples) >= length * frames.parts  # every frame has all of its targets


@pytest.mark.parametrize(
    ("kernels", "strides"),
    [((10, 3, 3, 3, 3, 2, 3), (5, 2, 2, 2, 2, 2, 3)), ((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 4))],
)
def test_a_stem_without_whole_mfcc_frames_is_refused(kernels: tuple[int, ...], strides: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="stem_strides"):
        framing(kernels, strides)


def test_levelled_utterances_are_equally_loud() -> None:
    samples, offsets = tones(6)
    even = samples + np.int16(100)
    normalise_level(even, offsets)
    for first, last in pairwise(offsets):
        assert even[first:last].std() == pytest.approx(targets.TARGET_LEVEL, rel=0.01)
        assert abs(even[first:last].mean()) < 5
    silence = np.zeros(100, dtype=np.int16)
    normalise_level(silence, np.array([0, 50, 50, 100]))
    assert not silence.any()


def test_clusters_separate_distant_groups() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, 600)
    features = (np.eye(3)[truth] * 20 + generator.standard_normal((600, 3))).astype(np.float32)
    found = assign_clusters(features, fit_kmeans(features, clusters=3, seed=0))
    assert len({(int(a), int(b)) for a, b in zip(truth, found, strict=True)}) == 3


def test_each_frame_has_the_clusters_of_its_mfcc_frames() -> None:
    samples, offsets = tones(6)
    whole = mfcc_targets(samples, offsets, FRAMES, clusters=5, seed=0)
    halves = mfcc_targets(samples, offsets, framing(*WIDE.values()), clusters=5, seed=0)
    assert whole.shape == (mfccs.frames_of(len(samples)), 1)
    assert halves.shape == (framing(*WIDE.values()).frames_of(len(samples)), 2)
    np.testing.assert_array_equal(halves.ravel(), whole[: halves.size, 0])


def test_weighted_cepstra_do_not_tell_the_level_of_an_utterance() -> None:
    samples, offsets = tones(6)
    features = weighted(mfccs.mfcc(samples), offsets, (1.0, 0.7, 0.3))
    for column, weight in ((0, 1.0), (5, 1.0), (13, 0.7), (30, 0.3)):
        assert features[:, column].std() == pytest.approx(weight, rel=1e-3)
    centres = np.arange(len(features)) * 320 + 200
    for first, last in pairwise(offsets):
        mine = features[(centres >= first) & (centres < last), :13]
        np.testing.assert_allclose(mine.mean(0), 0, atol=1e-3)


@given(st.integers(1, 4), st.integers(10, 300), st.integers(0, 9), st.integers(2, 9))
def test_masks_are_spans(batch: int, frames: int, seed: int, span: int) -> None:
    mask = span_mask(batch, frames, np.random.default_rng(seed), starts=0.05, span=span)
    assert mask.shape == (batch, frames)
    for row in mask:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        lengths = edges[1::2] - edges[::2]
        assert len(lengths) >= 1
        assert (lengths >= span).all()
        assert row.sum() <= max(1, round(0.05 * frames)) * span


@pytest.mark.parametrize("stem", [{}, WIDE])
def test_batches_keep_waves_and_targets_together(stem: dict[str, tuple[int, ...]]) -> None:
    samples, _ = tones(12)
    settings = definition(**stem)
    frames = framing(settings.stem_kernels, settings.stem_strides)
    targets = np.arange(frames.frames_of(len(samples)))[:, None]  # each frame's own number
    made = list(batches(samples, targets, frames, settings, seed=3))
    assert len(made) == settings.steps
    for waves, labels, mask in made:
        assert labels.shape == (*mask.shape, 1)
        assert frames.frames_of(waves.shape[1]) == labels.shape[1]
        assert (labels.diff(dim=1) == 1).all()
        start = int(labels[0, 0]) * frames.hop
        expected = samples[start : start + waves.shape[1]].astype(float)
        expected = (expected - expected.mean()) / expected.std()
        np.testing.assert_allclose(waves[0].numpy(), expected, atol=1e-3)
    later = list(batches(samples, targets, frames, settings, seed=3, first=2))
    assert all(torch.equal(one, other) for one, other in zip(made[2], later[0], strict=True))


@pytest.mark.parametrize(
    ("architecture", "stem", "expected"), [("hubert", "group", HubertModel), ("wav2vec2", "layer", Wav2Vec2Model)]
)
def test_build(architecture: str, stem: str, expected: type) -> None:
    model = build(definition(architecture=architecture, stem=stem)).train(False)
    assert isinstance(model, expected)
    assert model.config.do_stable_layer_norm == (stem == "layer")
    assert model.masked_spec_embed.shape == (32,)
    assert model(torch.zeros(1, 400)).last_hidden_state.shape == (1, 1, 32)


@pytest.mark.parametrize("architecture", ["hubert", "wav2vec2"])
def test_masked_frames_do_not_reach_the_model(architecture: str) -> None:
    model = build(definition(architecture=architecture)).train()
    frames = 20
    waves = torch.randn(2, FRAMES.samples_of(frames), generator=torch.Generator().manual_seed(0))
    states = model(waves, mask_time_indices=torch.ones(2, frames, dtype=torch.bool)).last_hidden_state
    assert torch.equal(states[0], states[1])
    states = model(waves, mask_time_indices=torch.zeros(2, frames, dtype=torch.bool)).last_hidden_state
    assert not torch.allclose(states[0], states[1])


def test_indivisible_sizes_are_all_named() -> None:
    with pytest.raises(UserError) as raised:
        backbone.check(definition(hidden=36, heads=5))
    assert len(raised.value.offenders) == 2


def test_it_learns_the_melody_and_a_second_run_is_the_same() -> None:
    samples, offsets = tones(30)
    settings = definition(steps=40, clusters=5, warm_up=5, batch_size=4)
    first, second = (pretrain_on(samples, offsets, settings) for _ in range(2))
    assert first.progress.points == second.progress.points
    weights = second.model.state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in first.model.state_dict().items())
    assert first.progress.points[-1][0] == 40
    shortened = pretrain_on(samples, offsets, definition(steps=1, clusters=5, batch_size=4))
    assert first.progress.points[-1][1] < shortened.progress.points[-1][1]


def test_too_little_speech() -> None:
    samples, offsets = tones(0.9)
    with pytest.raises(UserError, match="less unlabelled speech"):
        pretrain_on(samples, offsets, definition())


@pytest.fixture
def speech_of_tones(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Speech, float, int]]:
    """Tones instead of synthesised speech."""
    requests: list[tuple[Speech, float, int]] = []

    def serve(speech: Speech, hours: float, *, workers: int) -> tuple[np.ndarray, np.ndarray]:
        requests.append((speech, hours, workers))
        return tones(hours * 3600)

    module = ModuleType("valence_gap.miniature.unlabelled")
    module.unlabelled_speech = serve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return requests


def test_folder_is_an_ordinary_hugging_face_one(
    tmp_path: Path, speech_of_tones: list[tuple[Speech, float, int]]
) -> None:
    settings = definition(architecture="wav2vec2", stem="layer", **WIDE)
    pretrain("mini", settings, Speech(noise=True), tmp_path / "mini", workers=2)
    assert speech_of_tones == [(Speech(noise=True), 0.005, 2)]
    assert sorted(path.name for path in (tmp_path / "mini").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "run.json",
    ]
    assert {value.dtype for value in load_file(tmp_path / "mini/model.safetensors").values()} == {torch.bfloat16}
    assert (tmp_path / "mini/model.safetensors").stat().st_mode == (tmp_path / "mini/config.json").stat().st_mode
    config = AutoConfig.from_pretrained(tmp_path / "mini")
    assert (config.apply_spec_augment, config.mask_time_prob, config.mask_time_length) == (True, 0.05, 5)
    model, loading = AutoModel.from_pretrained(tmp_path / "mini", output_loading_info=True)
    assert isinstance(model, Wav2Vec2Model)
    assert model.dtype == torch.float32
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    assert AutoFeatureExtractor.from_pretrained(tmp_path / "mini").do_normalize
    record = json.loads((tmp_path / "mini/run.json").read_text())
    assert record["parameters"] == sum(value.numel() for value in model.parameters())
    assert [point["step"] for point in record["curve"]] == [4]
    card = (tmp_path / "mini/README.md").read_text()
    for text in ("license: mit", "no human voice", "contrastive", "noise and telephone", "25 frames per second"):
        assert text in card


class Placed(torch.nn.Module):
    """A model on a device that is not the CPU (and holds no data), which notes where its inputs are."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1, device="meta"))
        self.seen: list[str] = []

    def forward(self, waves: torch.Tensor, mask: torch.Tensor) -> Any:
        self.seen += [waves.device.type, mask.device.type]
        raise InterruptedError


def test_training_is_computed_where_the_model_is() -> None:
    samples, _ = tones(3)
    model = Placed()
    with pytest.raises(InterruptedError):
        train(model, samples, np.zeros((140, 1), np.int64), FRAMES, definition(), state=SavedProgress())  # type: ignore[arg-type]
    assert model.seen == ["meta", "meta"]


def test_pre_training_computes_on_the_gpu_that_its_command_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    monkeypatch.setattr(precision, "device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, device: moved.append(str(device)) or self)
    monkeypatch.setattr(masked_prediction, "train", lambda model, *_, **__: moved.append("trained") or Progress())
    samples, offsets = tones(3)
    pretrain_on(samples, offsets, definition())
    assert moved == ["cuda", "trained", "cpu"]


def test_an_interrupted_pre_training_resumes_with_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, offsets = tones(8)
    settings = definition(steps=9, unmasked_weight=(1.0, 0.1), **WIDE)
    whole = pretrain_on(samples, offsets, settings)
    monkeypatch.setattr(masked_prediction, "SAVE_EVERY", 4)
    state = SavedProgress(tmp_path / "scratch", "key")
    saves = 0

    def stop_at_the_second(self: SavedProgress, *arguments: Any) -> None:
        nonlocal saves
        saves += 1
        if saves == 2:
            raise InterruptedError
        save(self, *arguments)

    save = SavedProgress.save
    monkeypatch.setattr(SavedProgress, "save", stop_at_the_second)
    with pytest.raises(InterruptedError):
        pretrain_on(samples, offsets, settings, state=state)
    monkeypatch.setattr(SavedProgress, "save", save)
    resumed = pretrain_on(samples, offsets, settings, state=state)
    assert resumed.progress.resumes == 1
    assert resumed.progress.step == 9
    weights = whole.model.state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in resumed.model.state_dict().items())
    other = pretrain_on(samples, offsets, settings, state=SavedProgress(tmp_path / "scratch", "another key"))
    assert other.progress.resumes == 0


def test_a_signal_ends_it_after_the_step_and_the_command_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speech_of_tones: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = definition(steps=130, crop_frames=(30,))
    arguments = ["pretrain", "--name", "mini", "--definition", to_json(settings), "--speech", to_json(Speech())]
    assert main([*arguments, "--output", str(tmp_path / "whole")]) == 0
    finished = 0

    def interrupted(*given: Any) -> Any:
        nonlocal finished
        finished += 1
        if finished == 110:
            os.kill(os.getpid(), signal.SIGUSR1)
        return losses(*given)

    monkeypatch.setattr(masked_prediction, "losses", interrupted)
    arguments += ["--scratch", str(tmp_path / "scratch"), "--output", str(tmp_path / "resumed")]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == EXIT_INTERRUPTED
    assert "stopped by SIGUSR1; the same command resumes" in capsys.readouterr().err
    assert main(arguments) == 0
    assert finished == 130
    assert not (tmp_path / "scratch").exists()
    records = [json.loads((tmp_path / name / "run.json").read_text()) for name in ("whole", "resumed")]
    assert records[0]["curve"] == records[1]["curve"]
    assert records[0]["sha256"] == records[1]["sha256"]
    assert [record["resumes"] for record in records] == [0, 1]


def test_the_weight_of_the_unmasked_frames_falls_and_stays() -> None:
    settings = definition(steps=100, unmasked_weight=(1.0, 0.1))
    assert [unmasked_weight(settings, step) for step in (0, 10, 20, 99)] == pytest.approx([1.0, 0.55, 0.1, 0.1])
    assert unmasked_weight(definition(steps=100), 50) == 1.0


def test_the_loss_is_the_mean_over_masked_frames_and_the_weighted_one_over_others() -> None:
    settings = definition(steps=10, unmasked_weight=(0.3, 0.3), **WIDE)
    torch.manual_seed(0)
    module = MaskedPredictor(build(settings), 32, 2, 8)
    waves = torch.randn(2, framing(*WIDE.values()).samples_of(12))
    labels, mask = torch.randint(8, (2, 12, 2)), torch.zeros(2, 12, dtype=torch.bool)
    mask[:, 3:8] = True
    loss, of_masked, accuracy = losses(module, (waves, labels, mask), settings, 5)
    chances = module(waves, mask).log_softmax(-1).gather(-1, labels[..., None])[..., 0]  # (batch, frames, parts)
    assert of_masked.item() == pytest.approx(-chances[mask].mean().item(), rel=1e-5)
    assert loss.item() == pytest.approx((-chances[mask].mean() - 0.3 * chances[~mask].mean()).item(), rel=1e-5)
    assert 0 <= accuracy.item() <= 1
