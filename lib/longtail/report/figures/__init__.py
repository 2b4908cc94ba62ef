"""Kinds of figures: one file per kind, found by its name. docs/add-a-figure.md explains what such a file contains."""
