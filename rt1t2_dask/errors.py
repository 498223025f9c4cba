"""Actionable errors: what is wrong, the values, the setting to change."""

from __future__ import annotations

# A terminal of 200 columns shows ten lines of it; longer are only cells and words of an attack.
MOST_CHARACTERS = 2000


def one_line(text: str) -> str:
    """Return a text as one line that a terminal shows as it is.

    Parameters
    ----------
    text : str
        May quote a file's cells, names and words: line breaks and other control characters, which
        could move a terminal's cursor or begin another line, come back as escapes; of more than
        `MOST_CHARACTERS` the middle is left out.
    """
    shown = text if text.isprintable() else "".join(map(_shown, text))
    if len(shown) <= MOST_CHARACTERS:
        return shown
    half = MOST_CHARACTERS // 2
    return f"{shown[:half]} ... {shown[-half:]}"


def printable(text: str) -> str:
    """Return each line of a text as `one_line` does."""
    return "\n".join(map(one_line, text.split("\n")))


def _shown(letter: str) -> str:
    if letter.isprintable():
        return letter
    return " " if letter == "\n" else letter.encode("unicode_escape").decode("ascii")


class _SaidError(Exception):
    """An error whose text is safe to print, whatever file it quotes."""

    def __str__(self) -> str:
        return printable(super().__str__())


class UserError(_SaidError):
    """Wrong input; the command exits with code 2."""


class MissingAssetError(UserError):
    """An atlas, template or map was not found."""


class SubjectError(Exception):
    """One subject cannot be processed; the others continue.

    Parameters
    ----------
    reason : str
        What is wrong, with the values.
    remedy : str
        The setting to change.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason, remedy)
        self.reason = one_line(reason)
        self.remedy = one_line(remedy)

    def __str__(self) -> str:
        return f"{self.reason} {self.remedy}".strip()


class RunError(_SaidError):
    """The run cannot continue for a reason outside the input; exit code 1."""
