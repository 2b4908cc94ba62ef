"""Kinds of sources, one file each, found by name: `read(settings, archive)` gives data in one of `data/forms/`."""
