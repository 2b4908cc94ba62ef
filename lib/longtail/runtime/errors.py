"""The one exception a person can mend."""

import re

# Control characters and the like would break a message into lines; surrogates stand for bytes that are not UTF-8.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LONGEST = 4000


class InputError(Exception):
    """Bad input: the message is one sentence that names the file, the key and the remedy.

    It may quote any file name or content: what cannot be printed in a line is escaped, and the middle of a very long
    sentence left out.
    """

    def __init__(self, sentence: str) -> None:
        told = printable(sentence)
        # The file comes first and the remedy last; between them, a damaged file may hold a word of any length.
        super().__init__(told if len(told) <= LONGEST else f"{told[: LONGEST - 1000]} … {told[-900:]}")


def printable(text: str) -> str:
    """A text with escapes in place of control characters, line breaks and bytes that are not UTF-8."""
    return UNPRINTABLE.sub(lambda character: ascii(character[0])[1:-1], text)
