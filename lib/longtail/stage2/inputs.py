"""What a Stage 2 learns from; free of torch, so that plans of the cost can ask."""

from longtail.settings.stage2 import Stage2


def features_suffice(settings: Stage2) -> bool:
    """Whether cached features give the very inputs of training: nothing changes an image or the backbone."""
    return not _augments(settings) and settings.mixing is None and settings.batch_norm == "frozen"


def _augments(settings: Stage2) -> bool:
    images = settings.preprocessing
    if images is None or not settings.augment:
        return False
    return bool(images.crop_padding or images.flip or images.random_resized_crop or images.color_jitter)
