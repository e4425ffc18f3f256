"""Long work shows how far it is: a bar on a terminal, plain lines elsewhere."""

import io

from vitlab import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_with_note_rate_and_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    bar = progress.Progress(100, "head 1/50", "images")
    for _ in range(2):
        bar._bar.last_print_t = 0  # type: ignore[union-attr]  # as if the last look was long ago
        bar.advance(32, "loss 0.700, accuracy 0.500")
    bar.close()
    shown = terminal.getvalue()
    assert "head 1/50:  64%" in shown
    assert "64/100" in shown
    assert "loss 0.700, accuracy 0.500" in shown
    assert " images/s" in shown


def test_elsewhere_a_line_comes_now_and_then(monkeypatch, capsys):
    seconds = iter([0.0, *range(4, 100, 4)])
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(seconds)))
    counter = progress.Progress(100, "test", "images")
    for _ in range(10):
        counter.advance(10)
    counter.close()
    lines = capsys.readouterr().out.splitlines()
    assert 1 <= len(lines) <= 5
    assert all("of 100 images" in line and "left" in line for line in lines)


def test_while_nothing_is_done_no_time_is_promised(monkeypatch, capsys):
    seconds = iter([0.0, 20.0, 20.0, 40.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    progress.Progress(100, "test", "images").advance(0)
    assert capsys.readouterr().out == "  test: 0 of 100 images, 0 images/s\n"


def test_a_line_stays_one_whatever_the_names_in_it_hold(capsys):
    progress.say("first", "a\nb\x1b[31m\u202e.png")
    progress.warn("c\r\u2028d")
    captured = capsys.readouterr()
    assert captured.out == "first\na\\nb\\x1b[31m\\u202e.png\n"
    assert captured.err == "c\\r\\u2028d\n"
