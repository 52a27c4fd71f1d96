import pytest
import torch
from small_models import make_backbone, training
from torch import nn
from torch.overrides import TorchFunctionMode

from valence_gap.models import loading
from valence_gap.models.encoder import load_stem
from valence_gap.models.undrawn import UndrawnMatrices

DRAW = ("normal_", "uniform_", "kaiming_normal_", "kaiming_uniform_")


class Drawn(TorchFunctionMode):
    """Notes the shape of each tensor that is drawn from a distribution."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        given = kwargs or {}
        if getattr(function, "__name__", "") in DRAW:
            self.shapes.append(tuple(given["tensor"].shape if "tensor" in given else args[0].shape))
        return function(*args, **given)


def state():
    return torch.get_rng_state()


@pytest.mark.parametrize("draw", DRAW)
def test_matrices_take_no_random_numbers_and_vectors_are_drawn_as_ever(draw):
    function, before = getattr(nn.init, draw), state()
    with UndrawnMatrices():
        matrix = function(torch.full((3, 4), 7.0))
        assert (matrix == 7).all()
        assert torch.equal(state(), before)
        layer = nn.Linear(4, 3)
        assert layer.weight.shape == (3, 4)
        if "kaiming" not in draw:  # it needs two dimensions
            torch.manual_seed(1)
            vector = function(torch.empty(5))
            torch.manual_seed(1)
            assert torch.equal(vector, function(torch.empty(5)))
            assert vector.std() > 0
    torch.manual_seed(1)
    drawn = function(torch.empty(3, 4))
    torch.manual_seed(1)
    assert torch.equal(drawn, function(torch.empty(3, 4)))
    assert drawn.std() > 0


@pytest.mark.parametrize("method", ["normal_", "uniform_"])
def test_a_tensor_that_draws_itself_is_seen(method):
    before = state()
    with UndrawnMatrices():
        assert (getattr(torch.zeros(2, 2), method)() == 0).all()
        assert torch.equal(state(), before)
        assert getattr(torch.zeros(8), method)().std() > 0


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert"])
def test_a_finished_model_and_a_stem_are_read_without_drawing_their_matrices(tmp_path, kind):
    make_backbone(tmp_path / "backbone", kind)
    with Drawn() as built:
        model = loading.build(training(), tmp_path / "backbone")
    model.save(tmp_path / "model")
    with Drawn() as read:
        loaded = loading.load(tmp_path / "model")
        load_stem(tmp_path / "backbone")
    assert max(map(len, built.shapes)) > 1
    assert all(len(shape) == 1 for shape in read.shapes)
    stored = model.state_dict()
    assert all(torch.equal(weight, stored[name]) for name, weight in loaded.state_dict().items())
