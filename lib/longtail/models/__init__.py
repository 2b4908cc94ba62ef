"""Backbones, one file each, found by name: `build(channels)` gives a module with `feature_dim`."""
