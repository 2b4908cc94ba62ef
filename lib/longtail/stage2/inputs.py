"""Whether a Stage 2 learns from cached features or from images; without torch, since plans of the cost need it."""

from longtail.settings.stage2 import Stage2


def features_suffice(settings: Stage2) -> bool:
    """Whether training can use cached features: neither images nor backbone change."""
    return not _augments(settings) and settings.mixing is None and settings.batch_norm == "frozen"


def _augments(settings: Stage2) -> bool:
    images = settings.preprocessing
    if images is None or not settings.augment:
        return False
    return bool(images.crop_padding or images.flip or images.random_resized_crop or images.color_jitter)
