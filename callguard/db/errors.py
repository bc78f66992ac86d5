"""Where asyncpg's errors become ours. Nothing above `db` knows the driver."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from callguard.errors import DatabaseError, DatabaseUnavailable

# Worth a retry: the database can't be reached, lets nobody in, or undid a statement for others' sake.
_AWAY: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    ssl.SSLError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.TransactionRollbackError,
)


@contextmanager
def database_errors() -> Iterator[None]:
    """Within it, a driver's error leaves as DatabaseUnavailable (worth a retry) or DatabaseError (not).

    The driver's message is not carried over: it can hold the values of a row.
    """
    try:
        yield
    except _AWAY as error:
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
            raise DatabaseError(
                f"The driver refused a value or an address ({type(error).__name__}): no column can hold it, "
                "or DATABASE_URL is malformed."
            ) from None
        raise DatabaseUnavailable(
            f"The database can't be used now ({type(error).__name__}). "
            "Check that it runs and that DATABASE_URL is right."
        ) from None
    except asyncpg.PostgresError as error:
        raise DatabaseError(
            f"The database refused a statement ({type(error).__name__}, SQLSTATE {error.sqlstate}).",
            code=f"DATABASE_{error.sqlstate}",
        ) from None
