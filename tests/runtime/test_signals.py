import os
import signal
from typing import Any

import pytest

from longtail.runtime import signals


@pytest.mark.parametrize("number", signals.ASKING)
def test_signal_is_noted_and_nothing_else(number: Any) -> None:
    before = signal.getsignal(number)
    with signals.noted() as asked:
        assert asked() == 0
        os.kill(os.getpid(), number)
        assert asked() == number
    assert signal.getsignal(number) == before
