"""The connection of a run, as long as it leads to the account that the run was planned for."""

from shared import names
from shared.courier import Courier
from shared.documents import Connection, Run
from shared.errors import RunHeld


def connection_of(courier: Courier, run: Run) -> Connection:
    """The connection of a planned run. Raises ``RunHeld`` where it was deleted, or leads to another account by now."""
    connection = courier.store.find(names.connection(run.connection), Connection) if run.connection else None
    if connection is None:
        raise RunHeld(
            f"there is no connection {run.connection}: store it again, then release the run", code="connection_missing"
        )
    if run.target and run.target.host != connection.host:
        raise RunHeld(
            f"connection {run.connection} leads to {connection.host}, and the run was planned for {run.target.host}: "
            "cancel it, and ask for another",
            code="account_changed",
        )
    return connection
