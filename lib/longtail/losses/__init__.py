"""Losses, one file each, found by name: `build(settings, counts)` gives logits, labels -> loss [B].

A loss with settings names them in `SETTINGS`, a literal, so that a config is checked before anything runs.
"""
