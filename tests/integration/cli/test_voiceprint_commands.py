"""`callguard enroll`, `verify` and `voiceprints`, as an operator runs them on real audio and Postgres."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from callguard.cli.main import app
from callguard.config import Settings
from callguard.db.pool import Database
from callguard.errors import CallguardError, ConfigurationError
from callguard.local.postgres import Cluster
from callguard.trust.sealing import SealBroken
from callguard.voice.speaker import model
from callguard.voiceprints import book, consent
from tests.integration.population import household, rows, value
from tests.voices import MOTHER, OFFICER, voice, written

Run = Callable[..., Awaitable[Result]]
OLD = "old:" + base64.urlsafe_b64encode(b"o" * 32).decode()
NEW = "new:" + base64.urlsafe_b64encode(b"n" * 32).decode()


@pytest.fixture
def callguard(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process; in a thread, since it has a loop of its own."""
    for name in Settings.model_fields.values():
        if name.alias is not None:
            monkeypatch.delenv(name.alias, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLGUARD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", cluster.owner_dsn)
    monkeypatch.setenv("DATABASE_APP_URL", cluster.app_dsn)
    monkeypatch.setenv("VOICEPRINT_KEY", OLD)
    for which in (OFFICER, MOTHER):
        for number, samples in enumerate(voice(which)):
            written(tmp_path / f"{which}-{number}.wav", samples)
    return lambda *arguments: asyncio.to_thread(CliRunner().invoke, app, list(arguments))


def clips(which: str, *numbers: int) -> list[str]:
    return [f"{which}-{number}.wav" for number in numbers]


def enrolment(person: str, *files: str) -> tuple[str, ...]:
    return ("enroll", "--person", person, "--consent", "Anna, in person", *files)


def failed(result: Result) -> CallguardError:
    """What the command would have told on standard error."""
    assert isinstance(result.exception, CallguardError)
    return result.exception


async def test_a_voice_is_enrolled_verified_and_released(
    callguard: Run, database: Database, cluster: Cluster
) -> None:
    await household(database, 1)
    done = await callguard(*enrolment("anna", *clips(OFFICER, 0, 1)))
    assert done.exit_code == 1, "two recordings are not enough"
    assert "pending: 2 of 3 recordings" in done.stdout
    pending = await callguard("verify", "--person", "Anna", "--json", f"{OFFICER}-3.wav")
    assert pending.exit_code == 3
    assert json.loads(pending.stdout)["reason"] == "ENROLLMENT_PENDING"

    more = await callguard(*enrolment("Anna", *clips(OFFICER, 2, 0), *clips(MOTHER, 0)), "--json")
    assert more.exit_code == 0
    told = json.loads(more.stdout)
    assert (told["status"], told["samples_collected"], told["samples_required"]) == ("active", 3, 3)
    assert [one["code"] for one in told["samples"]] == [None, "REPEATED_RECORDING", "OTHER_VOICE"]
    assert 0 < told["quality_score"] <= 1

    own = await callguard("verify", "--person", "Anna", "--json", f"{OFFICER}-3.wav")
    assert own.exit_code == 0
    found = json.loads(own.stdout)
    assert (found["verified"], found["enrollment_id"]) == (True, told["enrollment_id"])
    assert found["confidence"] >= 0.7
    other = await callguard("verify", "--enrollment", told["enrollment_id"], f"{MOTHER}-1.wav")
    assert other.exit_code == 1
    assert "[OTHER_VOICE]" in other.stdout
    again = await callguard("verify", "--person", "Anna", f"{OFFICER}-1.wav")
    assert (again.exit_code, "[REPLAYED_RECORDING]" in again.stdout) == (1, True)

    shown = (await callguard("voiceprints", "show")).stdout
    assert "Anna: active" in shown
    assert "agreed by Anna, in person" in shown
    assert (await callguard("voiceprints", "release", "Anna")).exit_code == 0
    assert await value(cluster, "SELECT count(*) FROM voiceprints") == 0
    withdrawn = "SELECT count(*) FROM voice_consents WHERE withdrawn_at IS NOT NULL AND wording = '2026-11'"
    assert await value(cluster, withdrawn) == 2, "that somebody had agreed, and no longer does, stays known"
    assert (await callguard("voiceprints", "show")).stdout == "No voice is enrolled.\n"
    gone = failed(await callguard("verify", "--person", "Anna", f"{OFFICER}-3.wav"))
    assert gone.code == "VOICEPRINT_UNKNOWN"


async def test_a_voice_is_enrolled_anew_and_erased(
    callguard: Run, database: Database, cluster: Cluster
) -> None:
    await household(database, 1)
    assert (await callguard(*enrolment("person1@example.com", *clips(OFFICER, 0, 1, 2)))).exit_code == 0
    anew = await callguard(*enrolment("Margaret", *clips(MOTHER, 0, 1, 2)), "--again")
    assert anew.exit_code == 0
    other = await callguard("verify", "--person", "Margaret", f"{OFFICER}-3.wav")
    assert "[OTHER_VOICE]" in other.stdout
    assert (await callguard("voiceprints", "erase", "Margaret")).exit_code == 0
    for table in ("voiceprints", "voice_consents"):
        assert await value(cluster, f"SELECT count(*) FROM {table}") == 0


async def test_nothing_of_a_voice_lies_open_in_the_database(
    callguard: Run, database: Database, cluster: Cluster
) -> None:
    await household(database, 1)
    await callguard(*enrolment("Anna", *clips(OFFICER, 0, 1, 2)))
    [kept] = await rows(cluster, "SELECT v::text AS row FROM voiceprints v")
    half = model.load().encoder.embed(voice(OFFICER)[0]).astype(np.float16).tobytes()
    assert half[:16].hex() not in kept["row"]


async def test_keys_are_rotated_and_a_missing_one_is_told(
    callguard: Run, database: Database, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await household(database, 1)
    await callguard(*enrolment("Anna", *clips(OFFICER, 0, 1, 2)))
    monkeypatch.setenv("VOICEPRINT_KEY", NEW)
    refused = failed(await callguard("verify", "--person", "Anna", f"{OFFICER}-3.wav"))
    assert isinstance(refused, ConfigurationError)
    assert "'old'" in refused.message

    monkeypatch.setenv("VOICEPRINT_KEY", f"{NEW},{OLD}")
    assert (await callguard("verify", "--person", "Anna", f"{OFFICER}-3.wav")).exit_code == 0
    resealed = await callguard("voiceprints", "reseal")
    assert (resealed.exit_code, resealed.stderr) == (0, "Sealed 1 voiceprint again.\n")
    monkeypatch.setenv("VOICEPRINT_KEY", NEW)
    assert (await callguard("verify", "--person", "Anna", f"{OFFICER}-3.wav")).exit_code == 0
    assert await value(cluster, "SELECT key_id FROM voiceprints") == "new"

    monkeypatch.setenv("VOICEPRINT_KEY", "new:" + OLD.partition(":")[2])
    wrong = failed(await callguard("verify", "--person", "Anna", f"{OFFICER}-3.wav"))
    assert isinstance(wrong, SealBroken)
    monkeypatch.delenv("VOICEPRINT_KEY")
    missing = failed(await callguard("verify", "--person", "Anna", f"{OFFICER}-3.wav"))
    assert isinstance(missing, ConfigurationError)
    assert "VOICEPRINT_KEY" in missing.message
    assert (await callguard("voiceprints", "erase", "Anna")).exit_code == 0, "erasing asks for no key"


async def test_a_key_that_is_none_is_refused(callguard: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("", "x", "1:short", "1:" + "A" * 43 + ",1:" + "B" * 43, ":" + "A" * 43):
        monkeypatch.setenv("VOICEPRINT_KEY", key)
        assert isinstance(failed(await callguard("voiceprints", "reseal")), ConfigurationError), key


async def test_a_voiceprint_does_not_open_in_another_row_nor_for_another_network(
    callguard: Run, database: Database, cluster: Cluster
) -> None:
    await household(database, 1)
    await callguard(*enrolment("Anna", *clips(OFFICER, 0, 1, 2)))
    await callguard(*enrolment("Margaret", *clips(MOTHER, 0, 1, 2)))
    annas = "(SELECT sealed FROM voiceprints WHERE contact_id IS NOT NULL)"
    await rows(cluster, f"UPDATE voiceprints SET sealed = {annas} WHERE contact_id IS NULL")
    swapped = failed(await callguard("verify", "--person", "Margaret", f"{OFFICER}-3.wav"))
    assert isinstance(swapped, SealBroken)
    await rows(cluster, "UPDATE voiceprints SET model = 'before'")
    old = failed(await callguard("verify", "--person", "Anna", f"{OFFICER}-3.wav"))
    assert old.code == "VOICEPRINT_OUTDATED"


async def test_one_tenant_sees_nothing_of_anothers_voices(
    callguard: Run, database: Database, cluster: Cluster
) -> None:
    home, neighbour = await household(database, 1), await household(database, 2)
    done = await callguard(*enrolment("person1@example.com", *clips(OFFICER, 0, 1, 2)), "--json")
    enrolment_id = UUID(json.loads(done.stdout)["enrollment_id"])
    for tenant_id, seen in ((home.tenant_id, 1), (neighbour.tenant_id, 0)):
        async with database.tenant(tenant_id) as session:
            assert len(await book.enrolled(session, home.tenant_id)) == seen
            assert len(await book.meant(session, home.tenant_id, "Margaret")) == seen
    async with database.tenant(neighbour.tenant_id) as session:
        with pytest.raises(book.VoiceprintUnknown):
            await book.erase(session, home.tenant_id, enrolment_id)
    several = failed(await callguard(*enrolment("Margaret", *clips(MOTHER, 0))))
    assert "Several people" in several.message
    await rows(cluster, "DELETE FROM users WHERE email = 'person1@example.com'")
    assert await value(cluster, "SELECT count(*) FROM voice_consents") == 0, "all goes with the person"


async def test_a_file_that_is_no_audio_is_told(callguard: Run, tmp_path: Path) -> None:
    for content, code in (
        (b"", "AUDIO_EMPTY"),
        (b"no sound", "AUDIO_UNREADABLE"),
    ):
        (tmp_path / "odd.wav").write_bytes(content)
        refused = failed(await callguard("verify", "--person", "Anna", "odd.wav"))
        assert refused.code == code
        assert "odd.wav" in refused.message
    gone = failed(await callguard("verify", "--person", "Anna", "nowhere.wav"))
    assert gone.code == "AUDIO_NOT_FOUND"


async def test_enrolling_takes_consent_and_known_words(callguard: Run) -> None:
    file = f"{OFFICER}-0.wav"
    nobody = await callguard("enroll", "--person", "Anna", "--consent", "  ", file)
    assert nobody.exit_code == 2
    other = await callguard("enroll", "--person", "Anna", "--consent", "Anna", "--wording", "1999", file)
    assert other.exit_code == 2
    unknown = failed(await callguard(*enrolment("Nobody", file)))
    assert unknown.code == "PEOPLE"
    for language in ("en", "es", "fr", "de", "pt"):
        told = (await callguard("voiceprints", "wording", "--language", language)).stdout
        assert told.strip() == consent.words()[language]
    assert (await callguard("voiceprints", "wording", "--language", "xx")).exit_code == 2


async def test_ones_own_recordings_are_evaluated(callguard: Run, tmp_path: Path) -> None:
    rows = [f"{which}-{number}.wav,{which},demo" for which in (OFFICER, MOTHER) for number in range(3)]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,speaker,corpus", *rows]))
    told = json.loads(
        (await callguard("evaluate", "speaker", "manifest.csv", "--clips", "2", "--json")).stdout
    )
    assert (told["recordings"], told["speakers"], told["unused"]) == (6, 2, 0)
    everything = told["errors"][0]
    assert everything["name"] == "all pairs"
    assert everything["eer"]["value"] == 0
    assert (everything["same"], everything["speakers"]) == (12, 2)
    shown = (await callguard("evaluate", "speaker", "manifest.csv", "--clips", "2")).stdout
    assert "6 recordings of 2 speakers" in shown
    assert "within corpus" in shown
    few = failed(await callguard("evaluate", "speaker", "manifest.csv"))
    assert "4 recordings" in few.message
    (tmp_path / "odd.csv").write_text("file,who\n")
    assert "columns path and speaker" in failed(await callguard("evaluate", "speaker", "odd.csv")).message
