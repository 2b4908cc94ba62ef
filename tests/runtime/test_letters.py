import pytest

from longtail.runtime import letters


@pytest.mark.parametrize(("text", "room"), [("", 0), ("abc", 3), ("τ ±", 3), ("长尾", 4), ("a🐟", 3), ("１", 2)])
def test_wide_letters_take_the_room_of_two(text: str, room: int) -> None:
    assert letters.room(text) == room


def test_texts_from_right_to_left_are_isolated_and_no_others() -> None:
    assert letters.isolated("a שלום") == "\u2068a שלום\u2069"
    assert letters.isolated("سلسلة") == "\u2068سلسلة\u2069"
    assert letters.isolated("长尾 τ 1") == "长尾 τ 1"
