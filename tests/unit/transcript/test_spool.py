from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callguard.domain.facts import LegChanged
from callguard.errors import SpoolError
from callguard.transcript.spool import Spool
from callguard.trust.sealing import Sealer

SEALER = Sealer(bytes(32))
CALL, OTHER = "CA00000000000000000000000000000001", "CA00000000000000000000000000000002"


def told(status: str, call_sid: str = CALL) -> LegChanged:
    return LegChanged(call_sid=call_sid, leg_sid=None, status=status)


def opened(folder: Path, sealer: Sealer = SEALER) -> Spool:
    spool = Spool(folder, sealer)
    spool.open()
    return spool


def kept(spool: Spool) -> list[object]:
    return [spooled.fact for spooled in spool.kept()]


def records(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.fact"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def take_away(folder: Path) -> None:
    folder.rmdir()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


async def test_facts_come_back_in_the_order_they_came(folder: Path) -> None:
    spool = opened(folder)
    facts = [told(f"status {number}", CALL if number % 2 else OTHER) for number in range(20)]
    for fact in facts:
        await spool.keep(fact)

    assert kept(spool) == facts


async def test_facts_survive_the_process(folder: Path) -> None:
    first = opened(folder)
    await first.keep(told("ringing"))
    await first.keep(told("completed"))

    second = opened(folder)
    await second.keep(told("after the restart"))

    assert kept(second) == [told("ringing"), told("completed"), told("after the restart")]
    assert len(second) == 3


async def test_what_was_stored_is_gone_and_the_rest_waits(folder: Path) -> None:
    spool = opened(folder)
    for fact in (told("ringing"), told("ringing", OTHER), told("completed")):
        await spool.keep(fact)

    spool.remove(next(spool.kept()))

    assert kept(spool) == [told("ringing", OTHER), told("completed")]
    assert kept(opened(folder)) == kept(spool)


async def test_it_knows_which_calls_wait_and_how_much(folder: Path) -> None:
    spool = opened(folder)
    assert len(spool) == 0
    assert not spool.holds(CALL)

    await spool.keep(told("ringing"))
    await spool.keep(told("completed"))
    await spool.keep(told("ringing", OTHER))
    assert len(spool) == 3
    assert len(opened(folder)) == 3
    assert opened(folder).holds(CALL)

    for spooled in list(spool.kept())[:2]:
        assert spool.holds(CALL)
        spool.remove(spooled)
    assert not spool.holds(CALL)
    assert spool.holds(OTHER)
    assert len(spool) == 1


async def test_a_fact_removed_twice_counts_once(folder: Path) -> None:
    spool = opened(folder)
    await spool.keep(told("ringing"))
    await spool.keep(told("completed"))
    first = next(spool.kept())

    spool.remove(first)
    spool.remove(first)

    assert len(spool) == 1
    assert spool.holds(CALL)


@pytest.mark.promise("F3")
async def test_nothing_of_a_fact_shows_on_disk_and_only_the_owner_reads_it(folder: Path) -> None:
    spool = opened(folder)
    await spool.keep(told("gift cards"))

    (record,) = records(folder)
    assert b"gift cards" not in record.read_bytes()
    assert CALL.encode() not in record.read_bytes()
    assert mode(record) == 0o600
    assert mode(folder) == 0o700


async def test_a_record_that_was_changed_is_set_aside_and_the_others_are_read(folder: Path) -> None:
    spool = opened(folder)
    await spool.keep(told("ringing"))
    await spool.keep(told("completed"))
    damaged = records(folder)[0]
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)

    assert kept(spool) == [told("completed")]

    assert damaged.with_suffix(".unreadable").read_bytes() == content
    assert len(spool) == 1
    assert kept(spool) == [told("completed")]


async def test_a_record_under_another_name_does_not_open(folder: Path) -> None:
    spool = opened(folder)
    await spool.keep(told("ringing"))
    await spool.keep(told("completed"))
    first, second = records(folder)
    moved = first.read_bytes(), second.read_bytes()
    first.write_bytes(moved[1])
    second.write_bytes(moved[0])

    assert kept(spool) == []
    assert len(spool) == 0


async def test_records_of_another_key_are_set_aside_not_deleted(folder: Path) -> None:
    await opened(folder).keep(told("ringing"))

    other = opened(folder, Sealer(b"\1" * 32))

    assert len(other) == 0
    assert not records(folder)
    assert [name.endswith(".unreadable") for name in names(folder)] == [True]


async def test_a_record_that_another_process_stored_waits_no_longer(folder: Path) -> None:
    spool, other = opened(folder), opened(folder)
    await spool.keep(told("ringing"))
    await spool.keep(told("completed"))
    reading = spool.kept()
    next(reading)
    other.remove(list(other.kept())[1])

    assert list(reading) == []
    assert len(spool) == 1


async def test_what_a_crash_left_half_written_is_ignored(folder: Path) -> None:
    spool = opened(folder)
    await spool.keep(told("ringing"))
    half = records(folder)[0].with_suffix(".part")
    half.write_bytes(b"half")

    assert kept(opened(folder)) == [told("ringing")]
    assert half.exists()


async def test_no_draft_is_left_behind(folder: Path) -> None:
    spool = opened(folder)
    await spool.keep(told("ringing"))

    assert [name.endswith(".fact") for name in names(folder)] == [True]


async def test_age_counts_from_when_it_was_kept(folder: Path) -> None:
    spool = opened(folder)
    await spool.keep(told("ringing"))

    assert 0 <= next(spool.kept()).age_seconds < 60


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SpoolError):
        opened(tmp_path / "file" / "spool")


async def test_a_fact_that_cannot_be_written_is_told_of_and_does_not_wait(folder: Path) -> None:
    spool = opened(folder)
    take_away(folder)

    with pytest.raises(SpoolError, match="Free disk space") as caught:
        await spool.keep(told("gift cards"))

    assert "gift cards" not in str(caught.value)
    assert len(spool) == 0
    assert not spool.holds(CALL)


async def test_a_record_that_cannot_be_read_now_is_told_of_and_stays(folder: Path) -> None:
    spool = opened(folder)
    await spool.keep(told("ringing"))
    record = records(folder)[0]
    record.unlink()
    record.mkdir()  # reading it fails for root, too

    with pytest.raises(SpoolError, match="can't be read"):
        kept(spool)
    with pytest.raises(SpoolError, match="can't be read"):
        opened(folder)
    assert record.exists()
    assert spool.holds(CALL)


@given(noise=st.binary(max_size=200), name=st.from_regex(r"\A[0-9a-zA-Z_-]{1,20}\Z"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_foreign_files_do_no_harm(tmp_path: Path, noise: bytes, name: str) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.fact").write_bytes(noise)

    assert kept(opened(folder)) == []


async def test_processes_that_share_a_folder_learn_of_one_another(folder: Path) -> None:
    one, other = opened(folder), opened(folder)
    await one.keep(told("ringing"))
    assert len(other) == 0
    other.open()
    assert other.holds(CALL)
    for spooled in list(other.kept()):
        other.remove(spooled)

    one.open()
    assert not one.holds(CALL)
    assert (len(one), len(other)) == (0, 0)
