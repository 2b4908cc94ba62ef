"""Kinds of figures, one file each, found by name. docs/add-a-figure.md explains what such a file holds."""
