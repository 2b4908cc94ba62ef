import os
import signal

import pytest

from longtail.runtime import signals


@pytest.mark.parametrize("number", signals.ASKING)
def test_signal_is_noted_and_nothing_else(number):
    before = signal.getsignal(number)
    with signals.noted() as asked:
        assert asked() == 0
        os.kill(os.getpid(), number)
        assert asked() == number
    assert signal.getsignal(number) == before
