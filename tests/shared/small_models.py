"""Small random backbones and models for tests, in Hugging Face format."""

import torch
from transformers import (
    Data2VecAudioConfig,
    Data2VecAudioModel,
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)

from valence_gap.definitions.models import Backbone, Recipe, Training
from valence_gap.models import loading
from valence_gap.prediction.inputs import normalise, pad

KINDS = {
    "hubert": (HubertConfig, HubertModel),
    "wav2vec2": (Wav2Vec2Config, Wav2Vec2Model),
    "wavlm": (WavLMConfig, WavLMModel),
    "data2vec-audio": (Data2VecAudioConfig, Data2VecAudioModel),
}


def configuration(kind="hubert", norm="group", stable=False, **settings):
    small = {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "conv_dim": (8, 8, 8),
        "conv_kernel": (10, 3, 3),
        "conv_stride": (5, 4, 4),
        "num_feat_extract_layers": 3,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
        "num_codevectors_per_group": 4,
        "codevector_dim": 8,
        "proj_codevector_dim": 8,
        "initializer_range": 0.3,
        "conv_bias": norm == "layer",
    }
    if kind == "data2vec-audio":  # here the key means the number of positional convolutions, each with this kernel
        small |= {"num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 5}
    return KINDS[kind][0](feat_extract_norm=norm, do_stable_layer_norm=stable, **{**small, **settings})


def make_backbone(folder, kind="hubert", norm="group", stable=False, model=None, **settings):
    torch.manual_seed(1)
    backbone = (model or KINDS[kind][1])(configuration(kind, norm, stable, **settings)).eval()
    with torch.no_grad():  # affine weights other than one and zero, so that a test fails if one is not loaded
        for name, weight in backbone.named_parameters():
            if "layer_norm" in name:
                weight.add_(torch.randn_like(weight) * 0.1)
    backbone.save_pretrained(folder)
    return backbone


def training(layers=None, pretrained=True, frozen=False, **recipe):
    return Training(
        backbone=Backbone(),
        recipe=Recipe(**recipe),
        frozen=frozen,
        pretrained=pretrained,
        layers=layers,
        fraction=1.0,
        seed=0,
    )


def cnn14_training(**settings):
    return Training(
        backbone=Backbone(architecture="cnn14", **{"channels": (3, 4, 5, 6), "mel_bins": 16, **settings}),
        recipe=Recipe(head_dropout=0.0, precision="fp32"),
        frozen=False,
        pretrained=False,
        layers=None,
        fraction=1.0,
        seed=0,
    )


def make_cnn14(**settings):
    torch.manual_seed(0)
    model = loading.build(cnn14_training(**settings), None)
    with torch.no_grad():  # statistics as after some training, so that the normalisation has an effect
        for module in model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.5, 2)
                module.bias.normal_(0, 0.5)
    return model.eval()


SAMPLES = (4_000, 9_123, 700, 6_400)


def waveforms():
    generator = torch.Generator().manual_seed(5)
    return [normalise(torch.randn(samples, generator=generator) + 0.3) for samples in SAMPLES]


def inputs_of(model):
    utterances = waveforms()
    return pad([model.stem(waveform) for waveform in utterances] if model.input_kind == "stem" else utterances)
