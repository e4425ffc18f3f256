"""What every command does around its work: flags in, one call, an exit code."""

import ast
import contextlib
import dataclasses
import gc
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import NoReturn

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from vitlab import interruption, place, processes, runtime
from vitlab.config import Config, resolve
from vitlab.errors import InputError
from vitlab.language import chosen_code

HELP = {"--help", "-help", "-h", "--helpshort", "--helpfull"}
# After so many more objects Python looks for garbage. With its own 700 or 2,000 it looks so often that
# importing JAX, and tracing a network, take an eighth longer.
NEW_OBJECTS = 10_000


def run(main: Callable[[], None]) -> None:
    """Parses the flags and calls `main`.

    Exit code 0 means that the work is done, or that SIGTERM came, or the terminal was closed, while a
    network was trained and all of it is saved (a line says so); 2 that a flag or an input is wrong (one
    line on standard error says which); 129, 130, 141 and 143 that it was stopped (a closed terminal,
    Ctrl-C, a closed pipe, SIGTERM, at any other time); a bug is a traceback and 1.
    """

    def guarded(_: list[str]) -> int:
        runtime.tune_allocator()
        gc.set_threshold(NEW_OBJECTS)
        interruption.on_stop(_terminate)
        for stream in (sys.stdout, sys.stderr):  # names of files may be no text
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            main()
        except InputError as error:
            _stop_writing()
            if processes.are_several():
                _complain(error)
                processes.leave()
                _end(2)
            _refuse(error)
        except KeyboardInterrupt:
            print("stopped; run the same command again to go on", file=sys.stderr)
            _end(130)
        except _Terminated as stopped:
            print("terminated; run the same command again to go on", file=sys.stderr)
            _end(stopped.exit_code)
        except BrokenPipeError:  # whoever read our output, such as `head`, has enough
            _stop_writing()
            return 141
        return 0

    if sys.stdout is None:  # closed by whoever called
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    logging.set_verbosity(logging.FATAL)  # of the libraries; vitlab speaks for itself
    app.run(guarded, flags_parser=_parse)


@contextlib.contextmanager
def defining_config() -> Iterator[None]:
    """Around a flag for a config file: where it is defined, it reads the command line, with the files
    of --flagfile."""
    try:
        yield
    except Exception as error:  # where it has a default, keys are set here too
        _refuse(InputError(_what_is_wrong(error, "")))


def given_config(values: object, example: str) -> Config:
    """What --config says, for commands that look at images; `example` is one that would do.

    Raises:
        InputError: it is not given, it cannot be, or no images can be where it says.
    """
    if not flags.FLAGS["config"].present:
        raise InputError(f"give a config with --config=FILE, such as --config={example}")
    config = resolve(chosen_config(values))
    place.check_place(config.dataset.path, "--config.dataset.path")
    return config


def in_language(config: Config, code: str | None) -> Config:
    """With the report in the language of --language, if that is given.

    Raises:
        InputError: there is no such language.
    """
    if code is None:
        return config
    report = dataclasses.replace(config.report, language=chosen_code(code, "--language"))
    return dataclasses.replace(config, report=report)


def chosen_config(values: object) -> ConfigDict:
    """What the file of --config returns.

    Raises:
        InputError: there is no such file, or it returns something else.
    """
    file = str(config_flags.get_config_filename(flags.FLAGS["config"])).partition(":")[0]
    if not os.path.isfile(file):
        raise InputError(f"there is no config file {file!r} (--config)")
    if not isinstance(values, ConfigDict):
        raise InputError(f"get_config in {file} returns {values!r}, no config (--config)")
    return values


def _parse(argv: list[str]) -> list[str]:
    if HELP & set(argv):
        print(sys.modules["__main__"].__doc__ or "")
        print(flags.FLAGS.main_module_help())
        sys.exit(0)
    try:
        positional = flags.FLAGS(argv)
    except Exception as error:  # a config file is a program, and may raise anything
        _refuse(InputError(_what_is_wrong(error, _config_file(argv))))
    if len(positional) > 1:
        _refuse(InputError(f"{positional[1]!r} is no flag; every argument is --name=value"))
    return positional


def _config_file(argv: list[str]) -> str:
    """The file that --config names, without its argument."""
    for index, argument in enumerate(argv):
        name, equals, value = argument.lstrip("-").partition("=")
        if argument.startswith("-") and name == "config":
            value = value if equals else "".join(argv[index + 1 : index + 2])
            return os.path.abspath(value.partition(":")[0])
    return ""


def _what_is_wrong(error: Exception, config_file: str) -> str:
    """One line, with the place where it stands in the config file if that is to blame."""
    last_line = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
    if isinstance(error, flags.CantOpenFlagFileError) and isinstance(error.__context__, OSError):
        cause = error.__context__
        return f"cannot read the file {cause.filename!r} of flags: {cause.strerror} (--flagfile)"
    if isinstance(error, flags.UnrecognizedFlagError) and "config" in flags.FLAGS and not config_file:
        name = error.flagname
        if name.startswith("config."):
            return f"--{name} changes a config; give that too, with --config=FILE"
    if isinstance(error, SyntaxError):
        return f"{error.filename or config_file}, line {error.lineno or 1}: {error.msg} (--config)"
    places = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if os.path.abspath(frame.filename) == config_file
    ]
    if places and not isinstance(error, InputError):
        return f"{config_file}, line {places[-1]}: {type(error).__name__}: {last_line} (--config)"
    if isinstance(error, UnicodeError):
        return f"a file of flags is no text: {last_line} (--flagfile)"
    if isinstance(error, AttributeError) and "'get_config'" in last_line:
        return f"{config_file} has no function get_config that returns a config (--config)"
    if isinstance(error, (KeyError, AttributeError)):
        text = str(error.args[0])
        while text.startswith(("'\\'", "\"'")):  # ml_collections quotes the report of an inner key again
            text = ast.literal_eval(text)
        key, _, advice = text.partition("\n")
        known = f"{advice[0].lower()}{advice[1:]}" if advice else "a flag only changes what its file has"
        return f"unknown config key {key}; {known}"
    return last_line  # after a traceback stands what went wrong


def _stop_writing() -> None:
    """What standard output has not taken so far, it need not take at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Terminated(SystemExit):
    """Wherever the command is, it ends there: half-written files are taken away."""

    def __init__(self, number: int):
        self.exit_code = 128 + number
        super().__init__(self.exit_code)


def _terminate(number: int, _: object) -> NoReturn:
    if number != signal.SIGTERM:
        interruption.leave_terminal()
    raise _Terminated(number)


def _end(code: int) -> NoReturn:
    """Without waiting for threads: a signal may have left them a lock that nobody gives back."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def _refuse(error: InputError) -> NoReturn:
    _complain(error)
    sys.exit(2)


def _complain(error: InputError) -> None:
    program = sys.modules["__main__"].__spec__
    name = program.name.removeprefix("vitlab.") if program else "vitlab"
    print(f"vitlab {name}: {error}", file=sys.stderr)
