"""Fixtures of the packages that the commands print."""

from tests.overview.conftest import tree

__all__ = ["tree"]
