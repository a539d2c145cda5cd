"""The app's hands: everything a step may touch, in one small object built at the edge."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import requests

from shared.activecampaign.client import ActiveCampaign
from shared.documents import Connection
from shared.doors.clock import Clock
from shared.doors.ports import Blobs, Queues, Vault
from shared.pacing import Pacer
from shared.settings import Settings
from shared.store import Store


@dataclass(frozen=True)
class Courier:
    """Passed to every step; safe to share between threads.

    ``drops`` is the container of the segments, ``store`` holds the app's own documents, ``workplace`` is a folder for
    temporary files, and ``session`` gives the calling thread's HTTP session. ``planning`` is held while a plan is made:
    queue settings hold for all queues of the app, so planning guards the memory of its process itself.
    """

    settings: Settings
    clock: Clock
    drops: Blobs
    store: Store
    queues: Queues
    vault: Vault
    session: Callable[[], requests.Session]
    workplace: Path
    planning: AbstractContextManager[object]

    def pacer(self, connection: Connection) -> Pacer:
        """The shared rate limit of that connection's host."""
        return Pacer(self.store, self.clock, connection)

    def activecampaign(self, connection: Connection) -> ActiveCampaign:
        """A client for that connection's account."""
        return ActiveCampaign(
            connection, session=self.session(), vault=self.vault, pacer=self.pacer(connection), clock=self.clock
        )
