"""A small model in the format of the authors' released one: configuration, names of weights, a pickled state dict."""

import json

import torch
from released import EmotionModel
from small_models import configuration

# The keys of the released config.json, with spellings of an older transformers and an empty vocabulary.
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
    """Write a small random model in the format of the released one; return the model card's class with its weights."""
    torch.manual_seed(0)
    model = EmotionModel(configuration("wav2vec2", "layer", stable=True, num_labels=3)).eval()
    older = {
        "parametrizations.weight.original0": "weight_g",
        "parametrizations.weight.original1": "weight_v",
    }
    state = {}
    for name, weight in model.state_dict().items():
        for newer, old in older.items():
            name = name.replace(newer, old)
        state[name] = weight
    assert {"wav2vec2.encoder.pos_conv_embed.conv.weight_g", "classifier.out_proj.bias"} <= set(state)
    folder.mkdir()
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(RELEASED, indent=2))
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n")
    return model
