import itertools

from longtail.engine import seeding


def test_every_purpose_of_an_epoch_has_its_own_stream():
    purposes = (seeding.ORDER, seeding.AUGMENTATION, seeding.MIXING)
    names = list(itertools.product((0, 1), (1, 2), purposes, (1, 2)))  # seed, epoch, purpose, stage
    draws = {name: seeding.generator(*name).integers(2**62) for name in names}
    assert len(set(draws.values())) == len(names)
    assert draws == {name: seeding.generator(*name).integers(2**62) for name in names}
