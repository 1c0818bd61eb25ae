"""Errors that carry their remedy.

HuitouError
├── SettingsError        a setting or configuration file is wrong
├── MissingExtraError    an optional dependency is not installed
├── DataError            input data, a mapping, an offer catalogue or an experiment design is wrong
├── NotReadyError        an earlier step has not been run yet
├── ReleaseError         a release is missing, corrupt or of another format
├── CacheUnavailableError     Redis did not answer within its budget
└── DatabaseUnavailableError  the database did not answer within its budget
"""


class HuitouError(Exception):
    """A stated failure: what is wrong and what to do about it.

    Args:
        message: one sentence that names the thing that is wrong.
        remedy: what the reader can do about it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class SettingsError(HuitouError):
    """A setting or configuration file is wrong."""


class MissingExtraError(HuitouError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed.", f'Run: pip install "huitou[{extra}]"')


class DataError(HuitouError):
    """Input data, a mapping or an offer catalogue is wrong."""


class NotReadyError(HuitouError):
    """An earlier step has not been run yet."""


class ReleaseError(HuitouError):
    """A release is missing, corrupt or of another format."""


class CacheUnavailableError(HuitouError):
    """Redis did not answer within its budget."""


class DatabaseUnavailableError(HuitouError):
    """The database did not answer within its budget."""
