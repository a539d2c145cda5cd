"""What a handler is given and what it gives back: plain data, so that a test needs no host."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from shared.courier import Courier
from shared.documents import Document

JSON = "application/json"


@dataclass(frozen=True)
class Caller:
    """Who calls. ``name`` is known only of people and apps that App Service Authentication signed in."""

    name: str | None
    administrator: bool

    @property
    def label(self) -> str:
        """What is recorded as ``by``."""
        return self.name or "function key"


@dataclass(frozen=True)
class Call:
    """One HTTP request. ``route`` holds the parameters of the address; names of ``headers`` are in lower case."""

    method: str
    caller: Caller
    route: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """One HTTP response; text is in UTF-8. ``body`` is whole: nothing here is larger than a few tens of megabytes."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(document: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A document as JSON; a member that is absent stays absent."""
    return Answer(status, document.model_dump_json(exclude_none=True).encode(), headers=headers or {})


Handler = Callable[[Courier, Call], Answer]


@dataclass(frozen=True)
class Route:
    """One line of the table: what is called how, what goes in, and what may come out.

    ``answers`` has the content of each status of success: a model, or a media type. ``problems`` are the codes of
    ``shared/api/problems.py`` that this route may answer on top of those of every route.
    """

    method: str
    template: str
    handler: Handler
    summary: str
    answers: Mapping[int, type[BaseModel] | str]
    body: type[Document] | None = None
    body_required: bool = True
    query: type[Document] | None = None
    request_headers: tuple[str, ...] = ()
    answer_headers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    anonymous: bool = False

    @property
    def name(self) -> str:
        """The name of its function, and of its operation in OpenAPI."""
        return getattr(self.handler, "__name__", "")
