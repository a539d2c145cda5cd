"""``GET /health``: whether the app can work."""

from typing import Literal

from shared.api.calls import Answer, Call, json_answer
from shared.courier import Courier
from shared.documents import Document


class Health(Document):
    """The settings are in order, and both containers answer."""

    status: Literal["ok"] = "ok"


def health(courier: Courier, _: Call) -> Answer:
    """Look into both containers; what goes wrong is answered as for every other route."""
    for blobs in (courier.store.blobs, courier.drops):
        next(iter(blobs.below("health/")), None)
    return json_answer(Health())
