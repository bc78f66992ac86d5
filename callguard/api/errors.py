"""Errors of the account API: `{"error": {"code", "message", "details"}, "request_id"}`, details by field."""

from uuid import uuid4

import structlog
from starlette.responses import JSONResponse, Response

STATUSES = {
    "AUTHENTICATION_REQUIRED": 401,
    "NOT_FOUND": 404,
    "VALIDATION_ERROR": 400,
    "RATE_LIMIT_EXCEEDED": 429,
    "PROTECTION_PAUSED": 409,
    "TEST_UNDER_WAY": 409,
    "NO_CANARY_NUMBER": 409,
    "INTERNAL_ERROR": 503,
}

log = structlog.get_logger(__name__)


def refusal(code: str, message: str, *, field: str | None = None, value: object = None) -> Response:
    """The reply for an error. `value` is what the client sent in `field`, if that is worth repeating."""
    request_id = str(uuid4())
    details = {} if field is None else {"field": field, "value": value}
    log.info("api_refused", code=code, request_id=request_id)
    return JSONResponse(
        {"error": {"code": code, "message": message, "details": details}, "request_id": request_id},
        status_code=STATUSES[code],
        headers={"WWW-Authenticate": "Bearer"} if code == "AUTHENTICATION_REQUIRED" else None,
    )
