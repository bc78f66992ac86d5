"""Every error callguard raises on purpose, and the one place where a driver's errors become ours.

CallguardError                      code, message: what happened and what to do next
├── ConfigurationError              a setting is missing, wrong, or pulls against another
├── DataFolderInUse                 another server already serves this data folder
├── EmbeddedPostgresError           the embedded database could not be set up, started or joined
├── DatabaseError                   the database answered, but not with what was asked
│   ├── DatabaseUnavailable         refused, timed out, shutting down: the caller may spool and retry
│   ├── SchemaOutdated              migrations are missing, or one that has landed was changed
│   └── LeaseLost                   a worker's fencing token is stale: its result is refused
├── SpoolError                      the encrypted spool can't be written or read
├── TelephonyError                  Twilio refused (status, twilio_code) or was not reached
│   └── TelephonyUnreachable        no reply: whether the request took effect is unknown
├── DeliveryError                   an e-mail or web push did not get away; it may later
│   └── DeliveryRefused             nor will it: the receiving side refuses it for good
├── DestinationRefused              a number may not be written to or rung (reason)
├── InvitationRefused               a contact may not be invited now (reason)
├── PeopleError                     a people file, or a person in the database, is not as it must be
├── KeywordsError                   a keyword file, or a version asked for, can't be used
├── CanaryRefused                   a test of protection can't be made now
├── NumberUnknown                   a call came in on a number that belongs to nobody here
├── CallUnknown                     something was told of a call that is not stored (yet)
├── ProtocolError                   a peer broke its protocol: webhook, media frame, TwiML, dialogue file
├── DetectorError                   a deepfake detector can't be used, or gives no answer; the code says why
└── AudioError                      a recording can't be read or played
"""


class CallguardError(Exception):
    """Base of the tree. `code` is stable and safe to log; the message carries no personal data."""

    code = "CALLGUARD"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class ConfigurationError(CallguardError):
    """A setting is missing, wrong, or pulls against another."""

    code = "CONFIGURATION"


class DataFolderInUse(CallguardError):
    """Another server already serves this data folder."""

    code = "DATA_FOLDER_IN_USE"


class EmbeddedPostgresError(CallguardError):
    """The embedded database could not be set up, started or joined."""

    code = "EMBEDDED_POSTGRES"


class DatabaseError(CallguardError):
    """The database answered, but not with what was asked."""

    code = "DATABASE"


class DatabaseUnavailable(DatabaseError):
    """Refused, timed out or shutting down: spool and retry."""

    code = "DATABASE_UNAVAILABLE"


class SchemaOutdated(DatabaseError):
    """Migrations are missing, or one that has landed was changed."""

    code = "SCHEMA_OUTDATED"


class LeaseLost(DatabaseError):
    """Another worker holds the work now; this one's result is refused."""

    code = "LEASE_LOST"


class SpoolError(CallguardError):
    """The encrypted spool can't be written or read."""

    code = "SPOOL"


class TelephonyError(CallguardError):
    """Twilio refused the request."""

    code = "TELEPHONY"

    def __init__(self, message: str, *, status: int | None = None, twilio_code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.twilio_code = twilio_code

    @property
    def may_pass(self) -> bool:
        """Whether the same request may be taken later: no reply, too many requests, a fault of Twilio's."""
        return self.status is None or self.status == 429 or self.status >= 500


class TelephonyUnreachable(TelephonyError):
    """No reply came: whether the request took effect is unknown, so look before sending again."""

    code = "TELEPHONY_UNREACHABLE"


class DeliveryError(CallguardError):
    """An e-mail or a web push did not get away; a later attempt may."""

    code = "DELIVERY"
    may_pass = True


class DeliveryRefused(DeliveryError):
    """The receiving side refuses it for good."""

    code = "DELIVERY_REFUSED"
    may_pass = False


class DestinationRefused(CallguardError):
    """A number may not be written to or rung; `reason` is a short word that names no number."""

    code = "DESTINATION_REFUSED"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvitationRefused(CallguardError):
    """A contact may not be invited now; `reason` is a short word."""

    code = "INVITATION_REFUSED"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class PeopleError(CallguardError):
    """A people file, or a person in the database, is not as it must be; the message says where."""

    code = "PEOPLE"


class KeywordsError(CallguardError):
    """A keyword file, or a version of a catalogue asked for, can't be used; the code says why."""

    code = "KEYWORDS"


class CanaryRefused(CallguardError):
    """A test of protection can't be made now; the code says why."""

    code = "CANARY_REFUSED"


class NumberUnknown(CallguardError):
    """A call came in on a number that belongs to nobody here."""

    code = "NUMBER_UNKNOWN"


class CallUnknown(CallguardError):
    """Something was told of a call that is not stored (yet)."""

    code = "CALL_UNKNOWN"


class ProtocolError(CallguardError):
    """A peer broke its protocol: a webhook, a media frame, TwiML, a dialogue file."""

    code = "PROTOCOL"


class DetectorError(CallguardError):
    """A deepfake detector can't be used, or gives no answer; the code says why."""

    code = "DETECTOR"


class AudioError(CallguardError):
    """A recording can't be read or played."""

    code = "AUDIO"
