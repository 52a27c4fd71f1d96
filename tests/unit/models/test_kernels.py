import os
import subprocess
import sys

import pytest
import torch

from valence_gap.definitions.models import Backbone
from valence_gap.models.kernels import FEW_KERNELS, limit_kernels
from valence_gap.models.sizes import BASE, Size

SMALL = Size(layers=4, hidden=160, intermediate=640)
MULTIPLY = """
import torch
from valence_gap.models.kernels import limit_kernels
from valence_gap.models.sizes import Size
limit_kernels(Size(layers=1, hidden={hidden}, intermediate=1))
for frames in 2 * [*range(100, 180)]:
    torch.nn.functional.linear(torch.ones(frames, 64).bfloat16(), torch.ones(64, 64).bfloat16())
"""


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="oneDNN does not multiply in bfloat16 on this machine"
)
@pytest.mark.parametrize(("hidden", "made"), [(160, 80), (768, 160)])
def test_onednn_makes_kernels_anew_where_few_are_kept(hidden: int, made: int) -> None:
    environment = os.environ | {"ONEDNN_VERBOSE": "2"}
    environment.pop(FEW_KERNELS[0], None)
    command = [sys.executable, "-c", MULTIPLY.format(hidden=hidden)]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert output.count("create:cache_miss") == made


@pytest.mark.parametrize(
    ("shape", "train_stem", "few"),
    [(BASE, False, True), (SMALL, False, False), (SMALL, True, True), (Backbone(architecture="cnn14"), False, False)],
)
def test_encoders_of_base_size_and_trained_stems_keep_few_kernels(
    monkeypatch: pytest.MonkeyPatch, shape: Size | Backbone, train_stem: bool, few: bool
) -> None:
    monkeypatch.setenv(FEW_KERNELS[0], "removed again after the test")
    monkeypatch.delenv(FEW_KERNELS[0])
    limit_kernels(shape, train_stem=train_stem)
    assert os.environ.get(FEW_KERNELS[0]) == (FEW_KERNELS[1] if few else None)


def test_a_limit_of_the_user_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FEW_KERNELS[0], "7")
    limit_kernels(BASE)
    assert os.environ[FEW_KERNELS[0]] == "7"
