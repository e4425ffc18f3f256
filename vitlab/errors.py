"""The one exception that means "what you gave is wrong", as opposed to a bug in vitlab."""

from vitlab.names import shown


class InputError(Exception):
    """Something a user gave (a flag, a config, a file, a folder) cannot be used.

    The message says what is wrong, where, and what to do. A command prints it on standard error,
    without a traceback, and exits with code 2. It is one line, whatever the names in it hold; what
    needs a list gives `rows`, a line each.
    """

    def __init__(self, message: str, *rows: str):
        super().__init__(message, *rows)

    def __str__(self) -> str:
        return "\n".join(shown(line) for line in self.args)
