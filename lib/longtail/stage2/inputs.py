"""What a Stage 2 learns from; free of torch, so that plans of the cost can ask."""

from typing import Any


def features_suffice(settings: dict[str, Any]) -> bool:
    """Whether cached features give the very inputs of training: nothing changes an image or the backbone."""
    preprocessing = settings["preprocessing"]
    changes = ("crop_padding", "flip", "random_resized_crop", "color_jitter")
    augments = settings["augment"] and any(preprocessing.get(change) for change in changes)
    return not augments and settings["mixing"] is None and settings["batch_norm"] == "frozen"
