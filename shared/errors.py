"""Every error of the app, grouped by who acts next.

    CourierError
     ├── CallerError             whoever called the HTTP API corrects the call
     │    ├── DocumentInvalid    a document, parameter or body breaks its model          400
     │    ├── BodyTooLarge       the body is larger than any document needs              413
     │    ├── NotFound           nothing has that name                                   404
     │    └── Conflict           it exists, but its state does not allow this            409
     ├── OperatorError           whoever deploys the app corrects it
     │    └── SettingsInvalid    app settings are missing or malformed
     ├── DropError               whoever writes the drops corrects them
     │    └── DropUnusable       the drop can never be exported as it is: the run fails
     ├── AdministratorError      a person decides: the run is held, or fails before anything was sent
     │    ├── RunHeld            waits for release or cancel
     │    └── ExportRefused      the export asks for something that does not exist: the run fails
     ├── PassingError            nobody: the same step is taken again later
     │    ├── DropNotReady       the segment has no whole drop yet
     │    ├── DropChanged        a blob of the drop was replaced while it was being read
     │    ├── RateLimited        ActiveCampaign asks for patience
     │    └── Unavailable        no usable answer from ActiveCampaign, or from Key Vault
     ├── Superseded              nobody: the run went on without this call, which leaves everything as it is
     └── StorageError            the step that asked knows what it means
          ├── BlobMissing        no blob of that name
          └── BlobChanged        the blob is not (or no longer) the version that was asked for

Messages are for people: they say what is wrong and what to do, and never hold personal data or a key.
"""

from collections.abc import Mapping, Sequence


class CourierError(Exception):
    """Root of the tree. ``code`` is stable and machine-readable, ``message`` is for people."""

    code = "internal"

    def __init__(self, message: str, *, code: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = tuple(details)


class CallerError(CourierError):
    """Whoever called the HTTP API corrects the call; ``status`` is the HTTP status of the answer."""

    status = 400


class DocumentInvalid(CallerError):
    """A document, parameter or body breaks its model; ``details`` has one line per problem."""

    code = "document_invalid"


class BodyTooLarge(CallerError):
    """The body is larger than any document of this API needs to be."""

    code = "body_too_large"
    status = 413


class NotFound(CallerError):
    """Nothing has that name."""

    code = "not_found"
    status = 404


class Conflict(CallerError):
    """It exists, but its state does not allow what was asked."""

    code = "conflict"
    status = 409


class OperatorError(CourierError):
    """Whoever deploys the app corrects it."""


class SettingsInvalid(OperatorError):
    """App settings are missing or malformed; ``details`` names each one."""

    code = "settings_invalid"

    def __init__(self, problems: Mapping[str, str]) -> None:
        lines = [f"{name}: {problem}" for name, problem in problems.items()]
        super().__init__("app settings need attention: " + "; ".join(lines), details=lines)


class DropError(CourierError):
    """The drop cannot be exported. ``code`` names the reason."""


class DropUnusable(DropError):
    """The drop can never be exported as it is; the message names file, line and what was expected."""

    code = "drop_unusable"


class AdministratorError(CourierError):
    """A person has to decide or to correct the export."""


class RunHeld(AdministratorError):
    """The run waits for ``release`` or ``cancel``; the message says what to do before releasing it."""

    code = "held"


class ExportRefused(AdministratorError):
    """The export names a list, field or column that does not exist; the message names what does."""

    code = "export_refused"


class PassingError(CourierError):
    """The same step is taken again later. ``retry_after`` is in seconds, ``None`` where nobody said."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Sequence[str] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.retry_after = retry_after


class DropNotReady(PassingError):
    """The segment has no whole drop yet. ``code`` names the reason."""

    code = "drop_not_ready"


class DropChanged(PassingError):
    """A blob of the drop was replaced while it was being read; planning starts again on the new version."""

    code = "drop_changed"


class RateLimited(PassingError):
    """ActiveCampaign asks for patience."""

    code = "rate_limited"


class Unavailable(PassingError):
    """No usable answer from ActiveCampaign: a connection error, a time-out, a 5xx or something unreadable."""

    code = "unavailable"


class Superseded(CourierError):
    """The run was cancelled meanwhile, or another call has taken over what this one was about to do."""

    code = "superseded"


class StorageError(CourierError):
    """Blob storage says no; the step that asked knows what that means."""


class BlobMissing(StorageError):
    """No blob of that name."""

    code = "blob_missing"


class BlobChanged(StorageError):
    """The blob is not, or no longer, the version that was asked for."""

    code = "blob_changed"
