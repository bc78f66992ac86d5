import base64
import hashlib
import hmac
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.config import Settings, load_settings
from callguard.errors import ConfigurationError
from callguard.trust.keys import FILE_NAME, KEY_BYTES, Keys, load_keys

MASTER = base64.urlsafe_b64encode(bytes(range(KEY_BYTES))).decode()

# Whoever comes second to a folder is faster there, and so they meet again and again.
FIRST_STARTS = """
import sys
from pathlib import Path
from callguard.config import load_settings
from callguard.trust.keys import load_keys
print("ready", flush=True)
sys.stdin.readline()
for number in range(100):
    keys = load_keys(load_settings(data_dir=Path(sys.argv[1], str(number))))
    print(keys.master.hex(), keys.dashboard, keys.twilio_auth_token)
"""


@pytest.fixture(autouse=True)
def _no_settings_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.chdir(tmp_path_factory.mktemp("without_env_file"))


def settings(folder: Path, **values: str) -> Settings:
    return load_settings(data_dir=folder, **values)


def test_the_first_start_makes_keys_and_the_next_finds_them(tmp_path: Path) -> None:
    first, second = load_keys(settings(tmp_path)), load_keys(settings(tmp_path))

    assert first.fresh
    assert not second.fresh
    assert len(first.master) == KEY_BYTES
    assert (second.master, second.dashboard) == (first.master, first.dashboard)
    assert (second.twilio_account_sid, second.twilio_auth_token) == (
        first.twilio_account_sid,
        first.twilio_auth_token,
    )


def test_two_installations_share_no_key(tmp_path: Path) -> None:
    one, other = load_keys(settings(tmp_path / "one")), load_keys(settings(tmp_path / "other"))

    assert one.master != other.master
    assert one.dashboard != other.dashboard
    assert one.twilio_auth_token != other.twilio_auth_token


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        keys = load_keys(settings(tmp_path))
    finally:
        os.umask(previous)

    assert keys.path == tmp_path / FILE_NAME
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_STARTS, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    one, other = (process.communicate(timeout=60)[0] for process in processes)

    assert [process.returncode for process in processes] == [0, 0]
    assert len(one.splitlines()) == 100
    assert one == other


def test_the_environment_wins(tmp_path: Path) -> None:
    keys = load_keys(
        settings(
            tmp_path,
            master_key=MASTER,
            dashboard_key="a dashboard key",
            twilio_account_sid="AC0123",
            twilio_auth_token="an auth token",
        )
    )

    assert keys.master == bytes(range(KEY_BYTES))
    assert keys.dashboard == "a dashboard key"
    assert (keys.twilio_account_sid, keys.twilio_auth_token) == ("AC0123", "an auth token")
    assert not keys.fresh


def test_a_master_key_may_come_without_padding_and_in_either_alphabet(tmp_path: Path) -> None:
    key = b"\xfb\xff" * (KEY_BYTES // 2)
    for text in (
        base64.b64encode(key),
        base64.urlsafe_b64encode(key),
        base64.urlsafe_b64encode(key).rstrip(b"="),
    ):
        assert load_keys(settings(tmp_path, master_key=text.decode())).master == key


@pytest.mark.parametrize(
    "wrong", ["hunter2", "ü" * 43, MASTER[:-4], MASTER + "AAAA", MASTER[:20] + " " + MASTER[20:], "a" * 41]
)
def test_a_wrong_master_key_is_named_but_not_shown(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="CALLGUARD_MASTER_KEY") as caught:
        load_keys(settings(tmp_path, master_key=wrong))

    assert wrong not in str(caught.value)


@pytest.mark.parametrize("content", ["", "not json", "[]", "{}", '{"master_key": 5}', "\udcff"])
def test_a_damaged_file_is_told_of_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(ConfigurationError, match=FILE_NAME):
        load_keys(settings(tmp_path))

    assert path.read_bytes() == content.encode(errors="surrogateescape")


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="CALLGUARD_DATA_DIR"):
        load_keys(settings(tmp_path / "file" / "data"))


def test_keys_do_not_show_themselves(tmp_path: Path) -> None:
    keys = load_keys(settings(tmp_path))

    for secret in (keys.dashboard, keys.twilio_auth_token, repr(keys.master)):
        assert secret not in repr(keys)


@given(st.text(), st.text())
def test_each_purpose_has_a_key_of_its_own(one: str, other: str) -> None:
    keys = Keys(b"m" * KEY_BYTES, "", "", "", Path(), fresh=False)

    assert len(keys.derive(one)) == KEY_BYTES
    assert keys.derive(one) != keys.master
    assert (keys.derive(one) == keys.derive(other)) == (one == other)


def test_a_derived_key_follows_rfc_5869() -> None:
    """Against HKDF written out: extract with a salt of zeros, then one block of expansion."""
    keys = Keys(b"m" * KEY_BYTES, "", "", "", Path(), fresh=False)
    extracted = hmac.digest(bytes(32), keys.master, hashlib.sha256)
    assert keys.derive("spool") == hmac.digest(extracted, b"spool\x01", hashlib.sha256)
