"""The settings of a post-hoc method (`post_hoc` of `config/schemas/method.yaml`)."""

from dataclasses import dataclass

from longtail.settings.parsing import Settings
from longtail.settings.part import Part


@dataclass(frozen=True)
class PostHoc(Settings):
    """The change, with its settings."""

    post_hoc: Part
