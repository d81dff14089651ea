"""Every way a run can stop, grouped by what the caller does next.

An error is one sentence on what failed, with which value and where, and a remedy: what to do about it.
Each leaf class is a heading in `docs/operations.md`. Messages never hold a secret or a value of a record.

    PipelineError                     stopped; the tables are as they were                      exit 1
    ├── ConfigError                   a setting or an argument is wrong                         exit 2
    ├── TransientError                retrying later may help                                   exit 3
    │   ├── ApiUnreachableError           no connection, or every connection broke
    │   ├── ApiUnavailableError           the server answered 5xx, or only part of a page, on every attempt
    │   ├── RateLimitedError              the server asked for a longer pause than the run may take
    │   ├── TimeoutError                  the walk's deadline passed
    │   ├── IncompleteWalkError           no walk could be shown to be complete
    │   │   └── UnstableOrderError            because the server's order changes between requests
    │   ├── WarehouseUnavailableError     the database cannot be reached
    │   ├── LockedError                   another session holds a lock on the tables
    │   │   └── DeadlockError                 and the database rolled this load back to resolve it
    │   ├── AlreadyRunningError           another load of this warehouse is running
    │   └── AlertError                    an alert could not be delivered
    ├── CredentialsError              the server rejected our credentials; never tried twice    exit 1
    │   ├── PasswordRejectedError         user name or password
    │   ├── ClientRejectedError           client id or secret
    │   ├── GrantDisabledError            the client may not use the password grant
    │   ├── ScopeMissingError             the scope was refused, or does not cover the endpoint
    │   ├── AuthRejectedError             a fresh token was rejected too
    │   ├── ApiKeyRejectedError           the API key
    │   └── RejectedBeforeError           skipped: the server has rejected these credentials before
    ├── ApiError                      the server does not behave as this API; a person must look
    │   ├── TlsVerificationError          its certificate cannot be trusted
    │   ├── ApiProtocolError              an answer that HTTP or OAuth2 does not allow
    │   ├── ApiContractError              an answer that is not a page of the endpoint
    │   ├── PagingLoopError               the pages lead back to an earlier one
    │   ├── ForeignUrlError               the next page is on another server or path
    │   └── PayloadTooLargeError          an answer beyond any sensible size
    ├── DataError                     the pages arrived, but must not be loaded
    │   ├── FieldsNotFoundError           a required column finds no field
    │   ├── SchemaDriftError              a field disappeared, or no longer parses
    │   ├── UnitsError                    length, time and speed contradict each other
    │   ├── TooManyRejectedError          more records than allowed cannot be typed
    │   ├── SuspiciousShrinkError         more links than allowed are missing
    │   └── LandingCorruptError           a landed page is not what was stored
    ├── DateError                     the requested date cannot be loaded
    │   ├── NotLandedError                nothing was landed on it, and the API knows only today
    │   ├── MissedTickError               a scheduled run began after its date was over
    │   ├── LateSampleError               a sample began when the next one was already due
    │   └── ClockError                    this machine's clock is behind the landed walks
    └── WarehouseError                the warehouse needs its administrator
        ├── NotMigratedError              its tables are missing or old
        ├── SchemaConflictError           its tables are not those of the migrations
        ├── PermissionError               the user, or the file's owner, may not do this
        └── WarehouseFullError            the disk or the quota is full
"""

from __future__ import annotations


class PipelineError(Exception):
    """The root: a run stopped on purpose and the tables are as they were.

    `exit_code` is the command's; `retryable` says whether running it again unchanged may help.
    """

    exit_code = 1
    retryable = False

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    @property
    def kind(self) -> str:
        """The class name, which is the anchor in docs/operations.md."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"


class ConfigError(PipelineError):
    """A setting, a file it names or a command's argument is wrong. Nothing was sent or written."""

    exit_code = 2


class TransientError(PipelineError):
    """Transient failure; retrying may help."""

    exit_code = 3
    retryable = True


class ApiUnreachableError(TransientError):
    """No connection to the server, or every connection broke."""


class ApiUnavailableError(TransientError):
    """The server answered 5xx until the deadline."""


class RateLimitedError(TransientError):
    """The server asks for a pause that does not fit into the walk's deadline."""


class TimeoutError(TransientError):  # noqa: A001 - the public name of this kind; modules import it as errors.TimeoutError
    """The walk's deadline passed."""


class IncompleteWalkError(TransientError):
    """No walk of this call could be shown to be complete."""


class UnstableOrderError(IncompleteWalkError):
    """The server's order changes between requests, so pages repeat some records and lose others."""


class WarehouseUnavailableError(TransientError):
    """The database cannot be reached."""


class LockedError(TransientError):
    """Another session holds a lock that the load needs."""


class DeadlockError(LockedError):
    """Two sessions waited for each other and the database rolled this load back; it may be retried at once."""


class AlreadyRunningError(TransientError):
    """Another load of this warehouse is running."""


class AlertError(TransientError):
    """An alert could not be delivered."""


class CredentialsError(PipelineError):
    """The server rejected our credentials. A scheduled run does not try the same ones again."""


class PasswordRejectedError(CredentialsError):
    """User name or password refused, or the user is inactive: the server does not say which."""


class ClientRejectedError(CredentialsError):
    """Client id or client secret refused."""


class GrantDisabledError(CredentialsError):
    """The client may not log in with a password."""


class ScopeMissingError(CredentialsError):
    """The scope was refused, not granted, or is not enough for the endpoint."""


class AuthRejectedError(CredentialsError):
    """The server rejects a token that it has just issued."""


class ApiKeyRejectedError(CredentialsError):
    """The API key was refused."""


class RejectedBeforeError(CredentialsError):
    """A scheduled run was skipped without a request: the server has rejected these credentials before."""


class ApiError(PipelineError):
    """The server does not behave as this API."""


class TlsVerificationError(ApiError):
    """The server's certificate cannot be trusted. No credential was sent."""


class ApiProtocolError(ApiError):
    """An answer that HTTP or OAuth2 does not allow, or a status that no retry can fix."""


class ApiContractError(ApiError):
    """An answer that is not a page of the endpoint."""


class PagingLoopError(ApiError):
    """The pages lead back to an earlier one."""


class ForeignUrlError(ApiError):
    """The next page is on another server. Nothing was sent there."""


class PayloadTooLargeError(ApiError):
    """An answer larger, longer or deeper than any sensible page."""


class DataError(PipelineError):
    """The pages arrived and are landed, but must not be loaded."""


class FieldsNotFoundError(DataError):
    """A required column finds no field in the first page."""


class SchemaDriftError(DataError):
    """A mapped field that the newest loaded walk had is missing from every record, or none of its values parses."""


class UnitsError(DataError):
    """Length, travel time and speed contradict each other: a unit is not what the field map says."""


class TooManyRejectedError(DataError):
    """More records than INODE_MAX_REJECTED_FRACTION cannot be typed."""


class SuspiciousShrinkError(DataError):
    """More links than INODE_MAX_SHRINK_FRACTION are missing. The walk is refused until a person allows it."""


class LandingCorruptError(DataError):
    """A landed page is not what was stored."""


class DateError(PipelineError):
    """The requested date cannot be loaded."""


class NotLandedError(DateError):
    """Nothing is landed for a past date, and the API returns only the present state."""


class MissedTickError(DateError):
    """A scheduled run began after its date was over."""


class LateSampleError(DateError):
    """A sample was skipped without a request: it was late by more than one interval of INODE_SAMPLE_SCHEDULE."""


class ClockError(DateError):
    """The clock of this machine is behind the newest landed walk."""


class WarehouseError(PipelineError):
    """The warehouse needs its administrator."""


class NotMigratedError(WarehouseError):
    """The warehouse's tables are missing or older than this version."""

    REMEDY = (
        "Run `inode-pipeline migrate` as the owner of the tables, or give its administrator the output of "
        "`inode-pipeline migrate --sql`."
    )


class SchemaConflictError(WarehouseError):
    """The warehouse's tables are not those that the migrations made."""


class PermissionError(WarehouseError):  # noqa: A001 - the public name of this kind; modules import it as errors.PermissionError
    """The database user, or the owner of the file, may not do this."""


class WarehouseFullError(WarehouseError):
    """The disk or the quota is full."""
