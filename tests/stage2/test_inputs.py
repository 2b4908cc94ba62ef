import itertools

from tests.small_settings import STAGE2, changed

from longtail.stage2.inputs import features_suffice

MIXUP = {"name": "mixup", "alpha": 1.0}


def test_features_suffice_only_where_nothing_changes_them() -> None:
    for augment, padding, flip, mixing, norm in itertools.product(
        [True, False], [0, 4], [True, False], [None, MIXUP], ["frozen", "shifted"]
    ):
        preprocessing = {"crop_padding": padding, "flip": flip}
        settings = changed(STAGE2, preprocessing=preprocessing, augment=augment, mixing=mixing, batch_norm=norm)

        unchanged = not augment or (padding == 0 and not flip)

        assert features_suffice(settings) is (unchanged and mixing is None and norm == "frozen"), settings
