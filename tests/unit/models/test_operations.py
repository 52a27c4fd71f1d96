"""Numbers of weights and operations, compared with those that PyTorch counts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from finished import make_model
from torch.utils.flop_counter import FlopCounterMode
from transformers import Wav2Vec2Config, Wav2Vec2Model

from valence_gap.definitions.models import Backbone
from valence_gap.models.operations import (
    TRAINING,
    cnn14_flop_per_s,
    cnn14_values_per_s,
    encoder_flop_per_s,
    forward_flop,
    stem_flop_per_s,
    stem_values_per_s,
)
from valence_gap.models.sizes import BASE, LARGE, Size, size_from_config


def test_parameters_are_those_that_the_paper_names() -> None:
    assert BASE.parameters() == pytest.approx(95e6, rel=0.01)
    assert LARGE.parameters() == pytest.approx(317e6, rel=0.01)


def test_a_second_of_a_large_encoder_costs_about_95_gflop_to_train() -> None:
    assert TRAINING * encoder_flop_per_s(LARGE, 6.0) == pytest.approx(95e9, rel=0.05)


@pytest.mark.parametrize(("last", "position_kernel", "position_groups"), [(2, 128, 16), (4, 16, 8)])
def test_operations_are_those_that_torch_counts(last: int, position_kernel: int, position_groups: int) -> None:
    size = Size(
        layers=3,
        hidden=64,
        intermediate=160,
        stem=(32, 32, 48, 48, 64, 64, 96),
        kernels=(10, 3, 3, 3, 3, 2, last),
        strides=(5, 2, 2, 2, 2, 2, last),
        position_kernel=position_kernel,
        position_groups=position_groups,
    )
    assert size.frames_per_s == 100 / last
    config = Wav2Vec2Config(
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=160,
        conv_dim=size.stem,
        conv_kernel=size.kernels,
        conv_stride=size.strides,
        num_conv_pos_embeddings=position_kernel,
        num_conv_pos_embedding_groups=position_groups,
        attn_implementation="eager",
    )
    assert size_from_config(config.to_dict()) == size
    torch.manual_seed(0)
    model = Wav2Vec2Model(config).eval()
    seconds = 4
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.randn(1, seconds * 16_000))
    stem = stem_flop_per_s(size) * seconds
    total = stem + encoder_flop_per_s(size, seconds) * seconds
    assert counter.get_total_flops() == pytest.approx(total, rel=0.03)
    assert size.parameters() == pytest.approx(sum(one.numel() for one in model.parameters()), rel=0.03)


def test_cnn14s_operations_are_those_of_its_first_and_second_block_by_hand() -> None:
    two = Backbone(architecture="cnn14", channels=(4, 8), mel_bins=10, hop_s=0.01)
    first = 1000 * 9 * 2 * (1 * 4 + 4 * 4)
    second = 250 * 9 * 2 * (4 * 8 + 8 * 8)
    assert cnn14_flop_per_s(two) == pytest.approx(first + second)


def test_operations_of_utterances_are_the_sum_of_those_of_each() -> None:
    durations_s = np.array([2.0, 5.5, 11.0])
    each = [forward_flop(LARGE, durations_s[row : row + 1], stem=True) for row in range(3)]
    assert forward_flop(LARGE, durations_s, stem=True) == pytest.approx(sum(each))
    assert each[1] == pytest.approx(5.5 * (encoder_flop_per_s(LARGE, 5.5) + stem_flop_per_s(LARGE)))
    padded = Size(2, 16, 32, padded_s=30.0)
    assert forward_flop(padded, durations_s, stem=False) == pytest.approx(
        sum(forward_flop(padded, durations_s[row : row + 1], stem=False) for row in range(3))
    )
    assert forward_flop(LARGE, durations_s[:0], stem=True) == 0


def test_a_loaded_model_knows_what_its_operations_depend_on(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    assert (model.shape.hidden, model.shape.intermediate, model.shape.layers) == (16, 24, 2)
    assert (model.shape.stem, model.shape.strides) == ((8, 8, 8), (5, 4, 4))


def test_values_are_the_outputs_of_the_convolutions() -> None:
    stem = torch.nn.Sequential(torch.nn.Conv1d(1, 4, 10, 5), torch.nn.Conv1d(4, 6, 3, 2))
    outputs: list[int] = []
    for layer in stem:
        layer.register_forward_hook(lambda layer, given, output: outputs.append(output.numel()))
    stem(torch.zeros(1, 1, 160_000))
    size = Size(1, 8, 8, stem=(4, 6), kernels=(10, 3), strides=(5, 2))
    assert 10 * stem_values_per_s(size) == pytest.approx(sum(outputs), rel=1e-3)
    two = Backbone(architecture="cnn14", channels=(4, 8), mel_bins=10, hop_s=0.01)
    assert cnn14_values_per_s(two) == 2 * 4 * 1000 + 2 * 8 * 250
