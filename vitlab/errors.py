"""The one exception that means "what you gave is wrong", as opposed to a bug in vitlab."""


class InputError(Exception):
    """Something a user gave (a flag, a config, a file, a folder) cannot be used.

    The message says what is wrong, where, and what to do. A command prints it on standard error,
    without a traceback, and exits with code 2.
    """
