"""Errors a person can act on: what is wrong, the values, the setting to change."""


class UserError(Exception):
    """The user's input is wrong; the command ends with exit code 2."""


class MissingAssetError(UserError):
    """An atlas, template or map was found nowhere."""


class SubjectError(Exception):
    """One subject cannot be processed; the others go on.

    Parameters
    ----------
    reason : str
        What is wrong, with the values.
    remedy : str
        The setting to change.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.reason} {self.remedy}".strip()


class RunError(Exception):
    """The run cannot go on for a reason outside the input; exit code 1."""
