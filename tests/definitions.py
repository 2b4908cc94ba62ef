"""The definitions of `config/`, read once for all tests of a process."""

import functools

from longtail.config import load
from longtail.config.registry import Registry


@functools.cache
def shipped() -> Registry:
    """All definitions under a configuration without anything of its own; not to be changed in place."""
    return load.load({}, [])
