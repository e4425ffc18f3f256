"""What every command does around its work: flags in, one call, an exit code."""

import sys
from collections.abc import Callable
from typing import NoReturn

from absl import app, flags, logging

from vitlab import runtime
from vitlab.errors import InputError

HELP = {"--help", "-help", "-h", "--helpshort", "--helpfull"}


def run(main: Callable[[], None]) -> None:
    """Parses the flags and calls `main`.

    Exit code 0 means that the work is done, 2 that a flag or an input is wrong (one line on
    standard error says which), 130 that the user stopped it; a bug is a traceback and 1.
    """

    def guarded(_: list[str]) -> int:
        runtime.use_huge_pages()
        logging.set_verbosity(logging.FATAL)  # of the libraries; vitlab speaks for itself
        try:
            main()
        except InputError as error:
            _refuse(str(error))
        except KeyboardInterrupt:
            print("stopped; run the same command again to go on", file=sys.stderr)
            return 130
        return 0

    app.run(guarded, flags_parser=_parse)


def _parse(argv: list[str]) -> list[str]:
    if HELP & set(argv):
        print(sys.modules["__main__"].__doc__ or "")
        print(flags.FLAGS.main_module_help())
        sys.exit(0)
    try:
        positional = flags.FLAGS(argv)
    except (KeyError, AttributeError) as error:
        key, _, advice = str(error.args[0]).partition("\n")
        _refuse(f"unknown config key {key}" + (f"; {advice[0].lower()}{advice[1:]}" if advice else ""))
    except (InputError, flags.Error, OSError, IndexError, TypeError, ValueError) as error:
        _refuse(str(error).strip().splitlines()[-1].strip())  # after a traceback stands what went wrong
    if len(positional) > 1:
        _refuse(f"{positional[1]!r} is no flag; every argument is --name=value")
    return positional


def _refuse(message: str) -> NoReturn:
    program = sys.modules["__main__"].__spec__
    name = program.name.removeprefix("vitlab.") if program else "vitlab"
    print(f"vitlab {name}: {message}", file=sys.stderr)
    sys.exit(2)
