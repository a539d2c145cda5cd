"""The bindings this host plays, read from what the app's decorators declare."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from local.host.errors import problems
from local.host.routes import Route
from local.host.schedules import Schedule

RETURN = "$return"
EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class _Binding(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, arbitrary_types_allowed=True)

    type: str
    name: str
    direction: Literal["IN", "OUT"]
    data_type: None = None  # the annotation decides, as nearly always


# https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")


def _queue_name(declared: str) -> str:
    """Write the name in small letters, as the storage extension does, and refuse what it refuses."""
    if "%" in declared:  # the setting it is named by is missing, which is said once for all
        return declared
    if not _QUEUE_NAME.fullmatch(name := declared.lower()):
        raise ValueError(f"{declared!r} is not 3 to 63 letters, digits and single dashes between them")
    return name


QueueName = Annotated[str, AfterValidator(_queue_name)]


def _methods(declared: object) -> object:
    return EVERY_METHOD if declared is None else declared


class HttpTrigger(_Binding):
    """A route below the prefix; without methods it answers all of them."""

    route: Annotated[Route, BeforeValidator(Route)]
    methods: Annotated[tuple[str, ...], BeforeValidator(_methods)] = EVERY_METHOD
    auth_level: Literal["ANONYMOUS", "FUNCTION", "ADMIN"] = "FUNCTION"


class QueueTrigger(_Binding):
    """A storage queue, which somebody else creates."""

    queue_name: QueueName
    connection: str


class TimerTrigger(_Binding):
    """An NCRONTAB expression, in UTC."""

    schedule: Annotated[Schedule, BeforeValidator(Schedule)]
    run_on_startup: bool = False
    use_monitor: bool = True


class BlobTrigger(_Binding):
    """New and changed blobs of a container, found by polling also where Azure would use Event Grid."""

    path: str = Field(pattern=r"^[^/{}]+(/.*)?$")
    connection: str
    source: Literal["EventGrid", "LogsAndContainerScan"] = "LogsAndContainerScan"


class HttpOutput(_Binding):
    """The response, as the function's return value."""

    name: Literal["$return"]


class QueueOutput(_Binding):
    """Messages to a queue, which is created on demand."""

    queue_name: QueueName
    connection: str


class BlobOutput(_Binding):
    """One blob with a fixed path."""

    path: str = Field(pattern=r"^[^/{}]+/[^{}]+$")
    connection: str


Trigger = HttpTrigger | QueueTrigger | TimerTrigger | BlobTrigger
Output = HttpOutput | QueueOutput | BlobOutput

_MODELS: Mapping[tuple[str, str], type[Trigger | Output]] = {
    ("httpTrigger", "IN"): HttpTrigger,
    ("queueTrigger", "IN"): QueueTrigger,
    ("timerTrigger", "IN"): TimerTrigger,
    ("blobTrigger", "IN"): BlobTrigger,
    ("http", "OUT"): HttpOutput,
    ("queue", "OUT"): QueueOutput,
    ("blob", "OUT"): BlobOutput,
}


def read_binding(declared: Mapping[str, object]) -> Trigger | Output:
    """Read one binding as function.json would hold it. Raises ValueError saying what is not played here."""
    kind, direction = str(declared["type"]), str(declared["direction"])
    model = _MODELS.get((kind, direction))
    if model is None:
        played = ", ".join(f"{name} ({way.lower()})" for name, way in _MODELS)
        raise ValueError(f"binding {kind} ({direction.lower()}) is not played by this host, only {played}")
    try:
        return model.model_validate(declared)
    except ValidationError as error:
        raise ValueError(f"binding {kind}: {problems(error)}") from None
