"""Access to each cloud: options, credentials, native store."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import ObjectStore as NativeStore
from obstore.store import from_url

from rt1t2_dask.errors import UserError

_SHARED = ("retries", "timeout_s")
_NATIVE_NAMES = {
    "s3": {
        "endpoint": "endpoint",
        "region": "region",
        "anonymous": "skip_signature",
        "virtual_hosted": "virtual_hosted_style_request",
    },
    "gs": {"endpoint": "base_url", "anonymous": "skip_signature"},
    "az": {"account": "account_name", "endpoint": "endpoint", "anonymous": "skip_signature"},
}


class ProfileCredentials:
    """Credentials of a profile in the AWS files of the machine.

    Parameters
    ----------
    profile : str
        Name of the profile; all that is pickled.
    """

    def __init__(self, profile: str) -> None:
        self.profile = profile

    def __reduce__(self) -> tuple[Any, ...]:
        return ProfileCredentials, (self.profile,)

    @cached_property
    def _provider(self) -> Any:
        try:
            from boto3 import Session  # type: ignore[import-untyped]
            from obstore.auth.boto3 import Boto3CredentialProvider
        except ImportError as error:
            raise UserError(
                "storage.profile needs boto3: pip install boto3, or leave the profile out."
            ) from error
        return Boto3CredentialProvider(Session(profile_name=self.profile))

    def __call__(self) -> Any:
        """Return fresh credentials for obstore."""
        return self._provider()


def refuse_unknown(url: str, options: Mapping[str, Any]) -> None:
    """Raise UserError for an unknown scheme or option, and for credentials in the URL."""
    split = urlsplit(url)
    if split.scheme not in _NATIVE_NAMES:
        known = ", ".join(f"{scheme}://" for scheme in _NATIVE_NAMES)
        raise UserError(f"{split.scheme}:// is not a known scheme; use a local path or {known}.")
    if not split.netloc:
        raise UserError(f"{url} has no bucket; write {split.scheme}://bucket/folder.")
    if split.username or split.query:
        raise UserError(
            "A storage URL must not contain credentials; they come from the environment."
        )
    known_options = _options_of(split.scheme)
    unknown = sorted(set(options) - set(known_options))
    if unknown:
        raise UserError(
            f"{split.scheme}:// has no storage option {', '.join(unknown)}; options: "
            f"{', '.join(known_options)}. Credentials come from the environment only."
        )


def _options_of(scheme: str) -> tuple[str, ...]:
    profile = ("profile",) if scheme == "s3" else ()
    return (*_NATIVE_NAMES[scheme], *profile, *_SHARED)


def open_native(url: str, options: Mapping[str, Any]) -> NativeStore:
    """Open a bucket with obstore; credentials come from this process's environment.

    Parameters
    ----------
    url : str
    options : Mapping
        Checked by `refuse_unknown`.

    Raises
    ------
    UserError
        An option is not valid for the cloud.
    """
    names = _NATIVE_NAMES[urlsplit(url).scheme]
    arguments: dict[str, Any] = {
        "config": {names[name]: value for name, value in options.items() if name in names},
        "client_options": _client_options(options),
    }
    if "retries" in options:
        arguments["retry_config"] = {"max_retries": int(options["retries"])}
    if "profile" in options:
        arguments["credential_provider"] = ProfileCredentials(options["profile"])
    try:
        store: NativeStore = from_url(url, **arguments)
    except (BaseError, ValueError) as error:
        raise UserError(f"{url}: {one_line(str(error))}. Change storage.url.") from error
    return store


def _client_options(options: Mapping[str, Any]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if str(options.get("endpoint", "")).startswith("http://"):
        chosen["allow_http"] = True
    if "timeout_s" in options:
        chosen["timeout"] = timedelta(seconds=float(options["timeout_s"]))
    return chosen


def one_line(text: str, limit: int = 300) -> str:
    """Shorten obstore's error message to one line, without its debug part."""
    line = " ".join(text.partition("Debug source")[0].split())
    return line if len(line) <= limit else line[:limit] + "…"
