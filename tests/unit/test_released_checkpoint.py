"""The authors' released model as it comes: its configuration, its names of weights, a pickled state dict."""

import json

import pytest
import torch
from small_models import configuration, waveforms
from test_released_layout import EmotionModel

from valence_gap.definitions.models import Backbone
from valence_gap.models import loading
from valence_gap.models.encoder import load_stem
from valence_gap.runtime.errors import UserError
from valence_gap.weights.fetch import fetch_pretrained

# The keys of the released config.json, an older transformers' spelling and an empty vocabulary among them.
RELEASED = {
    "_name_or_path": "torch",
    "activation_dropout": 0.1,
    "adapter_kernel_size": 3,
    "adapter_stride": 2,
    "add_adapter": False,
    "apply_spec_augment": True,
    "architectures": ["Wav2Vec2ForSpeechClassification"],
    "attention_dropout": 0.1,
    "bos_token_id": 1,
    "classifier_proj_size": 256,
    "codevector_dim": 8,
    "contrastive_logits_temperature": 0.1,
    "conv_bias": True,
    "conv_dim": [8, 8, 8],
    "conv_kernel": [10, 3, 3],
    "conv_stride": [5, 4, 4],
    "ctc_loss_reduction": "sum",
    "ctc_zero_infinity": False,
    "diversity_loss_weight": 0.1,
    "do_stable_layer_norm": True,
    "eos_token_id": 2,
    "feat_extract_activation": "gelu",
    "feat_extract_dropout": 0.0,
    "feat_extract_norm": "layer",
    "feat_proj_dropout": 0.1,
    "feat_quantizer_dropout": 0.0,
    "final_dropout": 0.1,
    "finetuning_task": "wav2vec2_reg",
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout": 0.1,
    "hidden_dropout_prob": 0.1,
    "hidden_size": 16,
    "id2label": {"0": "arousal", "1": "dominance", "2": "valence"},
    "initializer_range": 0.3,
    "intermediate_size": 24,
    "label2id": {"arousal": 0, "dominance": 1, "valence": 2},
    "layer_norm_eps": 1e-05,
    "layerdrop": 0.1,
    "mask_feature_length": 10,
    "mask_feature_min_masks": 0,
    "mask_feature_prob": 0.0,
    "mask_time_length": 10,
    "mask_time_min_masks": 2,
    "mask_time_prob": 0.05,
    "model_type": "wav2vec2",
    "num_adapter_layers": 3,
    "num_attention_heads": 2,
    "num_codevector_groups": 2,
    "num_codevectors_per_group": 4,
    "num_conv_pos_embedding_groups": 2,
    "num_conv_pos_embeddings": 16,
    "num_feat_extract_layers": 3,
    "num_hidden_layers": 3,
    "num_negatives": 100,
    "output_hidden_size": 16,
    "pad_token_id": 0,
    "pooling_mode": "mean",
    "problem_type": "regression",
    "proj_codevector_dim": 8,
    "tdnn_dilation": [1, 2, 3, 1, 1],
    "tdnn_dim": [512, 512, 512, 512, 1500],
    "tdnn_kernel": [5, 3, 3, 1, 1],
    "torch_dtype": "float32",
    "transformers_version": "4.17.0.dev0",
    "use_weighted_layer_sum": False,
    "vocab_size": None,
    "xvector_output_dim": 512,
}


def release(folder):
    """A small random model on disk as the released one is, and the model card's class with the same weights."""
    torch.manual_seed(0)
    card = EmotionModel(configuration("wav2vec2", "layer", stable=True, num_labels=3)).eval()
    older = {
        "parametrizations.weight.original0": "weight_g",
        "parametrizations.weight.original1": "weight_v",
    }
    state = {}
    for name, weight in card.state_dict().items():
        for newer, old in older.items():
            name = name.replace(newer, old)
        state[name] = weight
    assert {"wav2vec2.encoder.pos_conv_embed.conv.weight_g", "classifier.out_proj.bias"} <= set(state)
    folder.mkdir()
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(RELEASED, indent=2))
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n")
    return card


def test_the_released_model_is_fetched_loaded_and_predicts_its_own_numbers(tmp_path):
    card = release(tmp_path / "released")
    fetch_pretrained("released", Backbone(source=str(tmp_path / "released")), tmp_path / "fetched")
    assert json.loads((tmp_path / "fetched/run.json").read_text())["licence"] == "cc-by-nc-sa-4.0"
    model = loading.load(tmp_path / "fetched")
    assert (model.training, model.input_kind, model.precision) == (False, "stem", "auto")
    stem = load_stem(tmp_path / "fetched")
    model.input_kind = "waveform"  # without the rounding of stored features
    with torch.no_grad():
        for waveform in waveforms():
            pooled, predictions = card(waveform[None])
            output = model(waveform[None], torch.tensor([len(waveform)]))
            assert torch.allclose(output.predictions, predictions, atol=1e-5)
            assert torch.allclose(output.pooled, pooled, atol=1e-5)
            assert torch.equal(stem(waveform), model.stem(waveform))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id2label": {"0": "valence", "1": "arousal", "2": "dominance"}}, "id2label valence, arousal, dominance"),
        ({"id2label": {"0": "angry", "1": "happy"}}, "id2label angry, happy"),
        ({"pooling_mode": "max"}, "pooling_mode max"),
    ],
)
def test_a_model_with_other_outputs_is_refused(tmp_path, change, told):
    release(tmp_path / "released")
    (tmp_path / "released/config.json").write_text(json.dumps({**RELEASED, **change}))
    fetch_pretrained("released", Backbone(source=str(tmp_path / "released")), tmp_path / "fetched")
    with pytest.raises(UserError, match="does not predict what") as caught:
        loading.load(tmp_path / "fetched")
    assert told in str(caught.value)
    assert caught.value.remedy


def test_outputs_without_names_are_taken_in_our_order(tmp_path):
    release(tmp_path / "released")
    nameless = {key: value for key, value in RELEASED.items() if key not in ("id2label", "label2id")}
    (tmp_path / "released/config.json").write_text(json.dumps(nameless))
    fetch_pretrained("released", Backbone(source=str(tmp_path / "released")), tmp_path / "fetched")
    assert loading.load(tmp_path / "fetched").head.out_proj.out_features == 3
