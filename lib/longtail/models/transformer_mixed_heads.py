"""The Transformer with the official code's cut into heads, which mixes positions (methods card 1.4)."""

from longtail.models import transformer
from longtail.models._titles import TitleInputs

FORM = "titles"
DRAWS = True
draw_classifier = transformer.draw_classifier


def build(inputs: TitleInputs) -> transformer.Transformer:
    """A Transformer on trained vectors whose heads are cut by the place in memory, as published."""
    return transformer.Transformer(inputs, mixed=True)
