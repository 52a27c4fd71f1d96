"""Reproduction of Wagner et al. (2023), *Dawn of the transformer era in speech emotion recognition*."""

__version__ = "0.1.0"
