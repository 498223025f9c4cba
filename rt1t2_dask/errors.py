"""Actionable errors: what is wrong, the values, the setting to change."""


class UserError(Exception):
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
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.reason} {self.remedy}".strip()


class RunError(Exception):
    """The run cannot continue for a reason outside the input; exit code 1."""
