"""Losses, one file each, found by name: `build(settings, counts)` gives logits, labels -> loss [B]."""
