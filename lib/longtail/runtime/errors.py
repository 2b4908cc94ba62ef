"""The exception for mistakes that the user can correct."""

import re

# Control characters and separators would break a message into lines; surrogates are bytes that are not UTF-8.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LONGEST = 4000


class InputError(Exception):
    """Bad input: the message is one sentence that names the file, the key and the remedy.

    It may quote any file name or content: unprintable characters are escaped, and a very long sentence loses its
    middle.
    """

    def __init__(self, sentence: str) -> None:
        text = printable(sentence)
        # The file comes first and the remedy last; a quotation from a damaged file between them may have any length.
        super().__init__(text if len(text) <= LONGEST else f"{text[: LONGEST - 1000]} … {text[-900:]}")


def printable(text: str) -> str:
    """A text in which control characters, line breaks and bytes that are not UTF-8 are escaped."""
    return UNPRINTABLE.sub(lambda character: ascii(character[0])[1:-1], text)
