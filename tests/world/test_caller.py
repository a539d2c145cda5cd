"""The HTTP API as a script calls it."""

import pytest

from local.caller import Caller, Refused
from local.https import HttpsServer, JsonHandler


class Slow(JsonHandler):
    """An app whose runs are delivering for ever, and which refuses everything else."""

    def answer(self) -> None:
        """Answer by method."""
        if self.command == "GET":
            self.send_json(200, {"id": "r-1", "state": "delivering"})
        else:
            self.read_body()
            self.send_json(400, {"error": {"code": "document_invalid", "message": "list_id is not a number"}})


def test_a_run_that_does_not_end_is_followed_for_so_long() -> None:
    """After its deadline a run is given up by name, instead of being watched for ever."""
    with HttpsServer(Slow) as app:
        seen = Caller(f"http://127.0.0.1:{app.port}").follow("r-1", seconds=0, pause=0)
        assert next(seen)["state"] == "delivering"
        with pytest.raises(TimeoutError, match="run r-1 is still delivering after 0 seconds"):
            next(seen)


def test_a_refusal_says_what_the_app_says() -> None:
    """The message names the call, the status and the app's own words, without the JSON around them."""
    with HttpsServer(Slow) as app, pytest.raises(Refused) as refused:
        Caller(f"http://127.0.0.1:{app.port}").call("PUT", "/exports/a", {})
    assert str(refused.value) == "PUT /exports/a was answered 400: list_id is not a number"
