# ruff: noqa: D103  # many functions here are nothing but a signature
"""Loading an app: what is taken, and what is refused as the Python worker or the real host would refuse it."""

import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path

import azure.functions as func
import azurefunctions.extensions.bindings.blob as sdk
import pytest

from local.host.errors import CannotStart
from local.host.load import Function, read_functions
from local.host.settings import write_settings
from tests.host.conftest import Apps

Declare = Callable[[func.FunctionApp], object]


def read(declare: Declare, settings: dict[str, str] | None = None) -> list[Function]:
    """Read the functions that `declare` adds to an app."""
    app = func.FunctionApp()
    declare(app)
    return read_functions(app.get_functions(), settings or {})


def on_queue(function: Callable[..., object], queue: str = "work") -> Declare:
    """Declare a function with a queue trigger `msg`."""
    return lambda app: app.queue_trigger(arg_name="msg", queue_name=queue, connection="Storage")(function)


def on_queue_with_output(function: Callable[..., object]) -> Declare:
    """Declare a function with a queue trigger `msg` and a queue output `out`."""

    def declare(app: func.FunctionApp) -> object:
        output = app.queue_output(arg_name="out", queue_name="next", connection="Storage")
        return app.queue_trigger(arg_name="msg", queue_name="work", connection="Storage")(output(function))

    return declare


def on_blob(function: Callable[..., object], path: str = "drops/{name}") -> Declare:
    """Declare a function with a blob trigger `blob`."""
    return lambda app: app.blob_trigger(arg_name="blob", path=path, connection="Storage")(function)


def on_http(function: Callable[..., object], **options: typing.Any) -> Declare:
    """Declare a function with an HTTP trigger `req`."""
    return lambda app: app.route(**options)(function)


def on_timer(function: Callable[..., object], schedule: str = "0 0 3 * * *") -> Declare:
    """Declare a function with a timer trigger `timer`."""
    return lambda app: app.timer_trigger(arg_name="timer", schedule=schedule)(function)


# Functions with every kind of signature; what is wrong with one is said beside it, in the tables below.
def message(msg: func.QueueMessage) -> None: ...
def message_with_context(msg: func.QueueMessage, context: func.Context) -> None: ...
def message_as_text(msg: str) -> None: ...
def message_as_bytes(msg: bytes) -> None: ...
def message_unannotated(msg, context): ...  # type: ignore[no-untyped-def]
def message_with_extra(msg: func.QueueMessage, extra: str) -> None: ...
def message_by_another_name(message: func.QueueMessage) -> None: ...
def message_as_number(msg: int) -> None: ...
def message_optional(msg: func.QueueMessage | None) -> None: ...
def message_typing_optional(msg: typing.Optional[func.QueueMessage]) -> None: ...  # noqa: UP045
def message_as_out(msg: func.Out[str]) -> None: ...
def message_with_wrong_context(msg: func.QueueMessage, context: str) -> None: ...
def output_text(msg: func.QueueMessage, out: func.Out[str]) -> None: ...
def output_list(msg: func.QueueMessage, out: func.Out[typing.List[str]]) -> None: ...  # noqa: UP006
def output_builtin_list(msg: func.QueueMessage, out: func.Out[list[str]]) -> None: ...
def output_plain(msg: func.QueueMessage, out: str) -> None: ...
def output_number(msg: func.QueueMessage, out: func.Out[int]) -> None: ...
def output_message(msg: func.QueueMessage, out: func.Out[func.QueueMessage]) -> None: ...
def blob_client(blob: sdk.BlobClient) -> None: ...
def blob_stream(blob: func.InputStream) -> None: ...
def blob_bytes(blob: bytes) -> None: ...
def blob_unannotated(blob): ...  # type: ignore[no-untyped-def]
def request(req: func.HttpRequest) -> func.HttpResponse:
    raise NotImplementedError


def request_to_text(req: func.HttpRequest) -> str:
    raise NotImplementedError


def request_to_nothing(req: func.HttpRequest) -> None: ...
def request_to_number(req: func.HttpRequest) -> int:
    raise NotImplementedError


async def timer_async(timer: func.TimerRequest) -> None: ...
def timer(timer: func.TimerRequest) -> None: ...


@pytest.mark.parametrize(
    "declare",
    [
        on_queue(message),
        on_queue(message_with_context),
        on_queue(message_as_text),
        on_queue(message_as_bytes),
        on_queue(message_unannotated),
        on_queue_with_output(output_text),
        on_queue_with_output(output_list),
        on_blob(blob_client),
        on_blob(blob_client, "drops"),
        on_http(request),
        on_http(request_to_text, route="a/{b:int}", methods=["GET"], auth_level="anonymous"),
        on_timer(timer),
        on_timer(timer_async),
    ],
)
def test_a_good_signature_is_taken(declare: Declare) -> None:
    """Parameters are the bindings and, if wanted, the context."""
    (function,) = read(declare)
    assert function.name


@pytest.mark.parametrize(
    ("declare", "reason"),
    [
        (on_queue(message_with_extra), "parameters without a binding: extra"),
        (on_queue(message_by_another_name), "parameters without a binding: message"),
        (on_queue_with_output(message), "bindings without a parameter: out"),
        (on_queue(message_as_number), "msg of a queueTrigger cannot be a int"),
        (on_queue(message_optional), "not take for a type"),
        (on_queue(message_typing_optional), "not take for a type"),
        (on_queue(message_as_out), "msg is an input"),
        (on_queue(message_with_wrong_context), "context must be an azure.functions.Context"),
        (on_queue_with_output(output_builtin_list), "not take for a type"),
        (on_queue_with_output(output_plain), "out is an output"),
        (on_queue_with_output(output_number), "out of a binding queue cannot be a int"),
        (on_queue_with_output(output_message), "str, bytes or typing.List"),
        (on_queue(message, "Bad_Queue"), "'Bad_Queue' is not 3 to 63 letters, digits and single dashes"),
        (on_queue(message, "two--dashes"), "single dashes"),
        (on_queue(message, "ab"), "3 to 63"),
        (on_queue(message, "%QUEUE%"), "no setting QUEUE"),
        (on_blob(blob_stream), "content of every blob, which must not reach the worker"),
        (on_blob(blob_bytes), "content of every blob, which must not reach the worker"),
        (on_blob(blob_unannotated), "content of every blob, which must not reach the worker"),
        (on_blob(blob_client, "{container}/{name}"), "path"),
        (on_http(request_to_nothing), "return value of a binding http cannot be a NoneType"),
        (on_http(request_to_number), "return value of a binding http cannot be a int"),
        (on_http(request, route="{a"), "route"),
        (on_timer(timer, "0 0 3 * *  * *"), "NCRONTAB"),
        (on_timer(timer, "%WHEN%"), "no setting WHEN"),
        (lambda app: app.event_grid_trigger(arg_name="event")(message), "binding eventGridTrigger (in) is not played"),
        (lambda app: app.retry("fixed_delay", "3", "00:00:01")(on_queue(message)(app)), "retry policy"),
        (lambda app: app.function_name("no spaces")(on_queue(message)(app)), "name"),
    ],
)
def test_a_misfit_is_refused_with_its_reason(declare: Declare, reason: str) -> None:
    """What the worker or the host would refuse, or this host does not play, is refused by name."""
    with pytest.raises(CannotStart) as refused:
        read(declare)
    assert reason in str(refused.value)


def test_every_misfit_of_an_app_is_named_at_once() -> None:
    """The message holds all functions that cannot be loaded and all settings that are missing."""

    def declare(app: func.FunctionApp) -> None:
        on_queue(message_with_extra)(app)
        on_blob(blob_stream, "%DROPS%/{name}")(app)
        on_timer(timer, "%WHEN%")(app)

    with pytest.raises(CannotStart) as refused:
        read(declare)
    assert all(name in str(refused.value) for name in ("message_with_extra", "blob_stream", "WHEN", "DROPS"))


def test_settings_are_put_into_bindings() -> None:
    """%NAME% in any binding stands for that setting."""
    (function,) = read(on_timer(timer, "%WHEN%"), {"WHEN": "0 0 4 * * *"})
    assert function.trigger.type == "timerTrigger"


def test_two_functions_cannot_share_a_route() -> None:
    """The same route with a common method is refused; with different methods it is fine."""

    def declare(first: list[str], second: list[str]) -> Declare:
        def add(app: func.FunctionApp) -> None:
            on_http(request, route="a/{b}", methods=first)(app)
            on_http(request_to_text, route="A/{b}", methods=second)(app)

        return add

    assert len(read(declare(["GET"], ["POST", "PUT"]))) == 2
    with pytest.raises(CannotStart, match="request and request_to_text have the same route: POST"):
        read(declare(["GET", "POST"], ["POST", "PUT"]))


def run_host(app: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command until its end."""
    return subprocess.run(
        [sys.executable, "-m", "local.host", "--app", app, *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("sys.exit(3)", "SystemExit: 3"),
        ("app = None", "must define one FunctionApp"),
        ("other = func.FunctionApp()", "must define one FunctionApp"),
        (
            """
            @app.route("a")
            @app.function_name("twice")
            def a(req: func.HttpRequest) -> str: ...
            @app.route("b")
            @app.function_name("twice")
            def b(req: func.HttpRequest) -> str: ...
            """,
            "twice does not have a unique function name",
        ),
        (
            """
            @app.queue_trigger(arg_name="msg", queue_name="work", connection="Nowhere")
            def q(msg: func.QueueMessage) -> None: ...
            """,
            "function q: connection Nowhere: no setting Nowhere",
        ),
    ],
)
def test_an_app_that_cannot_be_loaded_ends_the_host(apps: Apps, source: str, printed: str) -> None:
    """The reason is printed, then "0 functions found", and the exit code is 1."""
    done = run_host(apps.write(source))
    assert printed in done.stdout
    assert done.stdout.endswith("0 functions found\n")
    assert done.returncode == 1


def test_without_its_bundle_no_binding_of_storage_is_known(apps: Apps) -> None:
    """In Azure nothing would poll the queue: the functions are named; timers and HTTP need no bundle."""
    app = apps.write(
        """
        @app.queue_trigger(arg_name="msg", queue_name="work", connection="AzureWebJobsStorage")
        def polled(msg: func.QueueMessage) -> None: ...
        @app.route("a")
        def asked(req: func.HttpRequest) -> str: ...
        """
    )
    settings = apps.folder / "settings.json"
    write_settings(settings, {"AzureWebJobsStorage": apps.connection_string})
    (app / "host.json").write_text('{"version": "2.0"}')
    done = run_host(app, "--settings", str(settings))
    assert "host.json has no extensionBundle, which the bindings of polled come from" in done.stdout
    assert done.returncode == 1


def test_a_function_to_be_killed_at_must_exist(apps: Apps) -> None:
    """A knob with a wrong name is refused, since the test that turned it would wait for ever."""
    done = run_host(
        apps.write("""
        @app.route("a")
        def a(req: func.HttpRequest) -> str: ...
    """),
        "--kill-at",
        "b:1:after",
    )
    assert "no function b" in done.stdout
    assert done.returncode == 1


def test_functions_of_a_blueprint_are_functions_of_the_app(apps: Apps) -> None:
    """Blueprints registered on the app are loaded with it, and listed with their addresses."""
    process = apps.process(
        """
        part = func.Blueprint()
        @part.route("part/{x}", methods=["GET", "POST"])
        def of_the_part(req: func.HttpRequest) -> str: ...
        app.register_functions(part)
        @app.queue_trigger(arg_name="msg", queue_name="work-of-the-app", connection="AzureWebJobsStorage")
        def of_the_app(msg: func.QueueMessage) -> None: ...
        """
    )
    with process:
        url = process.url
    assert f"of_the_part: [GET,POST] {url}/api/part/{{x}}" in apps.log
    assert "of_the_app: queueTrigger" in apps.log


def test_a_disabled_function_is_left_out(apps: Apps) -> None:
    """The setting AzureWebJobs.<name>.Disabled takes a function out, as in Azure."""
    source = """
        @app.route("a")
        def on(req: func.HttpRequest) -> str: ...
        @app.route("b")
        def off(req: func.HttpRequest) -> str: ...
    """
    with apps.process(source, settings={"AzureWebJobs.off.Disabled": "true"}):
        pass
    assert "on: [" in apps.log
    assert "off: [" not in apps.log
