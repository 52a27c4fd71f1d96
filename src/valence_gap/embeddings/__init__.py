"""Pooled states of several models for the same utterances: what they separate, and how they look in two dimensions."""
