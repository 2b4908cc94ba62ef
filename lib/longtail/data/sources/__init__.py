"""Kinds of sources: one file per kind, found by its name; `read(settings, archive)` returns data of some form."""
