"""What a source noticed that its owner may not mean: on the screen in short, in reports in full."""

from dataclasses import dataclass

from vitlab.language import Message
from vitlab.progress import say

MOST_NAMED = 5  # on the screen


@dataclass(frozen=True)
class Remark:
    """A sentence, and the files, lines or classes that it is about.

    Attributes:
        left_out: paths of images that are not in the table for it.
    """

    what: Message
    about: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def say(self) -> None:
        lines = [f"  {name}" for name in self.about[:MOST_NAMED]]
        if len(self.about) > MOST_NAMED:
            lines.append(f"  ... and {len(self.about) - MOST_NAMED} more")
        say(f"warning: {self.what}{':' if self.about else ''}", *lines)
