"""A landed migration never changes. A new one is recorded by:

sha256sum sql/migrations/*.sql > tests/conventions/migrations.sha256
"""

import hashlib
import re

from tests.conventions.project import ROOT, text, tracked

RECORD = {
    name: checksum
    for checksum, name in (line.split() for line in text("tests/conventions/migrations.sha256").splitlines())
}
MIGRATIONS = sorted(str(path) for path in tracked() if path.parts[:2] == ("sql", "migrations"))


def test_each_migration_is_as_it_landed() -> None:
    found = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in MIGRATIONS}

    assert found == RECORD


def test_migrations_are_numbered_without_gaps_and_named() -> None:
    numbers = []
    for name in MIGRATIONS:
        named = re.fullmatch(r"sql/migrations/(\d{4})_[a-z0-9_]+\.sql", name)
        assert named is not None, name
        numbers.append(int(named[1]))

    assert numbers == list(range(1, len(MIGRATIONS) + 1))
    assert numbers
