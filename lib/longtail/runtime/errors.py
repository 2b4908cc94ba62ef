"""The one exception a person can mend."""


class InputError(Exception):
    """Bad input: the message is one sentence that names the file, the key and the remedy."""
