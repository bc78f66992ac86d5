"""Where asyncpg's errors become ours. Nothing above `db` knows the driver."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from callguard.errors import DatabaseError, DatabaseUnavailable

_AWAY: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    ssl.SSLError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    asyncpg.QueryCanceledError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
)


@contextmanager
def database_errors() -> Iterator[None]:
    """Within it, a driver's error leaves as DatabaseUnavailable (worth a retry) or DatabaseError (not).

    The driver's message is not carried over: it can hold the values of a row.
    """
    try:
        yield
    except _AWAY as error:
        raise DatabaseUnavailable(
            f"The database can't be used now ({type(error).__name__}). Check that it runs and that DATABASE_URL is right."
        ) from None
    except asyncpg.PostgresError as error:
        raise DatabaseError(
            f"The database refused a statement ({type(error).__name__}, SQLSTATE {error.sqlstate}).",
            code=f"DATABASE_{error.sqlstate}",
        ) from None
