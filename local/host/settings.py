"""host.json and app settings, with the defaults and limits of the real host.

https://learn.microsoft.com/azure/azure-functions/functions-host-json
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from local.host.errors import CannotStart, problems

_CORES = os.cpu_count() or 1
_MOST_MESSAGES = 32  # https://learn.microsoft.com/rest/api/storageservices/get-messages
_SHORTEST_POLL = 0.1  # seconds; the storage extension refuses less
_TIME_SPAN = re.compile(r"(?:(?P<days>\d+)\.)?(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?)")
_SETTING = re.compile(r"%([^%]+)%")


def seconds(span: object) -> object:
    """Turn a .NET time span such as ``00:00:30`` or ``1.00:00:00`` into seconds; "-1" is no limit, None."""
    if span == "-1":
        return None
    found = _TIME_SPAN.fullmatch(span) if isinstance(span, str) else None
    if found is None:
        raise ValueError("is not a time span such as 00:00:30")
    parts = {name: float(value) for name, value in found.groupdict("0").items()}
    return ((parts["days"] * 24 + parts["hours"]) * 60 + parts["minutes"]) * 60 + parts["seconds"]


Seconds = Annotated[float, BeforeValidator(seconds)]


class _Section(BaseModel):
    """Members that the real host knows and this one does not play are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, validate_by_name=True)


class QueueOptions(_Section):
    """How one queue is polled, and what becomes of a message whose function fails."""

    batch_size: int = Field(default=16, ge=1, le=_MOST_MESSAGES)
    new_batch_threshold: int = Field(default_factory=lambda values: values["batch_size"] // 2 * _CORES, ge=0)
    visibility_timeout: Seconds = Field(default=0, ge=0)
    max_dequeue_count: int = Field(default=5, ge=1)
    max_polling_interval: Seconds = Field(default=60, ge=_SHORTEST_POLL)
    message_encoding: Literal["base64", "none"] = "base64"


class BlobOptions(_Section):
    """How many blobs are handled at once, and how often a blob is tried."""

    max_degree_of_parallelism: int = Field(default=8 * _CORES, ge=1)
    poison_blob_threshold: int = Field(default=5, ge=1)

    def as_queue(self) -> QueueOptions:
        """Say the same of the internal queue that blobs travel through."""
        batch = min(_MOST_MESSAGES, self.max_degree_of_parallelism // 2 + 1)
        return QueueOptions(
            batch_size=batch,
            new_batch_threshold=self.max_degree_of_parallelism - batch,
            max_dequeue_count=self.poison_blob_threshold,
        )


class HttpOptions(_Section):
    """Where the routes begin."""

    route_prefix: str = "api"


class Extensions(_Section):
    """The extensions this host plays."""

    queues: QueueOptions = QueueOptions()
    blobs: BlobOptions = BlobOptions()
    http: HttpOptions = HttpOptions()


class ExtensionBundle(_Section):
    """Where the bindings of storage come from; a range of versions, as NuGet writes it."""

    id: Literal["Microsoft.Azure.Functions.ExtensionBundle", "Microsoft.Azure.Functions.ExtensionBundle.Preview"]
    version: str = Field(pattern=r"^[\[(][\d.*]*,\s*[\d.*]*[\])]$")


class HostJson(_Section):
    """host.json, as far as this host plays it; a missing file is all defaults. No functionTimeout is 30 minutes."""

    version: Literal["2.0"] = "2.0"
    function_timeout: Annotated[float | None, BeforeValidator(seconds)] = 1800
    extension_bundle: ExtensionBundle | None = None
    extensions: Extensions = Extensions()

    @classmethod
    def read(cls, app: Path) -> Self:
        """Read the app's host.json. Raises CannotStart."""
        path = app / "host.json"
        if not path.exists():
            return cls()
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise CannotStart(f"{path.name}: {problems(error)}") from None


class _SettingsFile(BaseModel):
    IsEncrypted: Literal[False] = False
    Values: dict[str, str] = {}


def read_settings(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Read a file shaped like local.settings.json and lay the environment over it. Raises CannotStart.

    As with Core Tools, what the environment says wins.
    """
    try:
        values = _SettingsFile.model_validate_json(path.read_bytes()).Values
    except ValidationError as error:
        raise CannotStart(f"{path.name}: {problems(error)}") from None
    return values | dict(environment)


class Substitution:
    """Replaces %NAME% in the bindings of an app, and remembers the names that no setting has."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self.missing: set[str] = set()

    def __call__(self, text: str) -> str:
        """Return the text with every %NAME% replaced; the text of a missing name stays."""
        return _SETTING.sub(self._replace, text)

    def _replace(self, found: re.Match[str]) -> str:
        name = found[1]
        if name not in self._settings:
            self.missing.add(name)
        return self._settings.get(name, found[0])


def write_settings(path: Path, values: Mapping[str, str]) -> None:
    """Write a file that `read_settings` reads, for its owner only: connection strings are secrets."""
    path.touch(mode=0o600)
    path.write_text(json.dumps({"IsEncrypted": False, "Values": dict(values)}, indent=2))
