"""The embedded Postgres: a private cluster of the data folder's own, reached over a Unix socket only.

It takes the programs of a Python package and does the rest itself. `embedded` is the door for asynchronous
code and `server` the cluster's life behind it; `creation` makes one, `postmaster` looks at a running one from
outside, `binaries` finds the programs and the user who may run them, `record` keeps the passwords, and
`locks` keeps processes apart.
"""

from callguard.local.postgres.embedded import EmbeddedPostgres
from callguard.local.postgres.locks import DataFolderLock
from callguard.local.postgres.record import Cluster

__all__ = ["Cluster", "DataFolderLock", "EmbeddedPostgres"]
