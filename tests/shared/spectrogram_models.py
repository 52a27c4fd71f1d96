"""Small encoders that read spectrograms: w2v-BERT and Whisper."""

import torch
from transformers import (
    Wav2Vec2BertConfig,
    Wav2Vec2BertModel,
    WhisperConfig,
    WhisperModel,
)

WINDOW_S = 1  # of the small Whisper; the released models have windows of 30 s


def make_w2v_bert(folder, kind=Wav2Vec2BertModel, **settings):
    torch.manual_seed(1)
    small = {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "conv_depthwise_kernel_size": 5,
        "left_max_position_embeddings": 8,
        "right_max_position_embeddings": 4,
        "initializer_range": 0.3,
        "output_hidden_size": 16,
    }
    model = kind(Wav2Vec2BertConfig(**{**small, **settings})).eval()
    model.save_pretrained(folder)
    return model


def make_whisper(folder, kind=WhisperModel, **settings):
    torch.manual_seed(1)
    small = {
        "d_model": 16,
        "encoder_layers": 3,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 24,
        "decoder_layers": 1,
        "decoder_attention_heads": 2,
        "decoder_ffn_dim": 24,
        "num_mel_bins": 20,
        "max_source_positions": 50 * WINDOW_S,
        "max_target_positions": 8,
        "vocab_size": 32,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 1,
        "init_std": 0.3,
    }
    model = kind(WhisperConfig(**{**small, **settings})).eval()
    model.save_pretrained(folder)
    return model
