import itertools

from longtail.engine import seeding
from longtail.engine.seeding import Epoch


def test_every_purpose_of_an_epoch_has_its_own_stream() -> None:
    purposes = (seeding.ORDER, seeding.AUGMENTATION, seeding.MIXING)
    names = list(itertools.product((1, 2), (0, 1), (1, 2), purposes))  # number, order seed, stage, purpose

    def draws(first_batch: int) -> list[int]:
        return [Epoch(*of, first_batch).generator(purpose).integers(2**62) for *of, purpose in names]

    assert len(set(draws(0))) == len(names)
    assert draws(3) == draws(0)
