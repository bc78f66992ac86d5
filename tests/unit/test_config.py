from pathlib import Path

import pytest

from callguard.config import LOCAL_TWILIO_API_URL, TWILIO_API_URL, Settings, load_settings
from callguard.errors import ConfigurationError

SECRET = "hunter2"
DATABASE = "postgresql://owner:hunter2@db.example.org:5432/callguard"


@pytest.fixture(autouse=True)
def _an_empty_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.chdir(tmp_path)


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()

    assert settings.local_mode
    assert settings.database_url is None
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.twilio_base_url == LOCAL_TWILIO_API_URL
    assert not settings.llm_configured
    assert settings.data_dir.is_absolute()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("CALLGUARD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TRUSTED_PROXIES", " 10.0.0.1, 10.0.0.2,, ")

    settings = load_settings()

    assert settings.port == 9000
    assert settings.data_dir == tmp_path
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2")


def test_a_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nHOST=0.0.0.0\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("PORT", "9001")

    settings = load_settings()

    assert (settings.host, settings.port) == ("0.0.0.0", 9001)


def test_what_a_caller_gives_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")

    assert load_settings(port=9001).port == 9001


def test_an_empty_value_is_none_given(monkeypatch: pytest.MonkeyPatch) -> None:
    without = load_settings()
    for field in Settings.model_fields.values():
        monkeypatch.setenv(str(field.alias), "")

    assert load_settings() == without
    assert load_settings().local_mode


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", SECRET),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("LOG_LEVEL", SECRET),
        ("LOG_FORMAT", SECRET),
        ("PUBLIC_BASE_URL", SECRET),
        ("PUBLIC_BASE_URL", f"ftp://{SECRET}"),
        ("PUBLIC_BASE_URL", "https://"),
        ("TWILIO_API_URL", SECRET),
        ("OPENAI_BASE_URL", SECRET),
        ("DEEPFAKE_API_URL", SECRET),
        ("DEEPFAKE_API_URL", f"https://voice.example.org:{SECRET}"),
        ("DEEPFAKE_API_URL", f"http://{SECRET}.example.org"),
        ("DATABASE_POOL_SIZE", SECRET),
        ("DATABASE_POOL_SIZE", "1"),
        ("WEBHOOK_DATABASE_SECONDS", SECRET),
        ("WEBHOOK_DATABASE_SECONDS", "0"),
        ("WEBHOOK_DATABASE_SECONDS", "11"),
        ("MEDIA_MAX_STREAMS", SECRET),
        ("MEDIA_MAX_STREAMS", "0"),
        ("DATABASE_URL", SECRET),
        ("DATABASE_URL", f"mysql://owner:{SECRET}@db.example.org/callguard"),
        ("DATABASE_APP_URL", SECRET),
    ],
)
def test_a_wrong_value_is_told_of_by_its_name_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=name) as caught:
        load_settings()

    assert SECRET not in str(caught.value)
    assert ".env.example" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", SECRET)
    monkeypatch.setenv("LOG_LEVEL", SECRET)

    with pytest.raises(ConfigurationError, match=r"PORT.*LOG_LEVEL|LOG_LEVEL.*PORT"):
        load_settings()


@pytest.mark.promise("F12")
@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_APP_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://owner:hunter2@pooler.example.org:6543/postgres",
        "postgresql://owner:hunter2@pooler.example.org:6543/postgres?sslmode=require",
        "postgresql://owner:hunter2@pooler.example.org:6543",
        "postgresql://owner:hunter2@pooler.example.org:6543?sslmode=require",
        "postgres://owner:hunter2@pooler.example.org:6543/",
        "postgresql://owner:hunter2@one.example.org:5432,two.example.org:6543/postgres",
        "postgresql://owner:hunter2@one.example.org:6543,two.example.org:5432/postgres",
        "postgresql://owner:hunter2@/postgres?host=pooler.example.org&port=6543",
        "postgresql://owner:hunter2@/postgres?port=6543&host=pooler.example.org",
    ],
)
def test_a_transaction_pooler_is_refused_wherever_its_port_stands(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)

    with pytest.raises(ConfigurationError, match=rf"{name}.*6543.*5432") as caught:
        load_settings()

    assert SECRET not in str(caught.value)
    assert "example.org" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        DATABASE,
        "postgres://owner@db.example.org/callguard",
        "postgresql://owner:pass:6543word@db.example.org:5432/callguard",
        "postgresql://owner:a6543@db.example.org:65432/d6543",
        "postgresql:///callguard?host=/run/postgresql&port=16543",
    ],
)
def test_other_databases_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings = load_settings()

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url


def test_an_account_needs_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef")

    with pytest.raises(ConfigurationError, match="TWILIO_AUTH_TOKEN") as caught:
        load_settings()
    assert "AC0123" not in str(caught.value)

    monkeypatch.setenv("TWILIO_AUTH_TOKEN", SECRET)
    settings = load_settings()
    assert not settings.local_mode
    assert settings.twilio_base_url == TWILIO_API_URL


def test_secrets_do_not_show_themselves() -> None:
    settings = load_settings(
        master_key=SECRET,
        dashboard_key=SECRET,
        database_url=DATABASE,
        database_app_url=DATABASE,
        twilio_auth_token=SECRET,
        twilio_auth_token_secondary=SECRET,
        openai_api_key=SECRET,
        deepfake_api_key=SECRET,
    )

    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert SECRET not in settings.model_dump_json()


def test_the_public_address_is_the_one_that_is_signed() -> None:
    assert load_settings(public_base_url="https://calls.example.org/").base_url == "https://calls.example.org"
    assert load_settings(port=9000).base_url == "http://127.0.0.1:9000"


def test_another_address_of_twilios_interface_is_used() -> None:
    assert load_settings(twilio_api_url="http://127.0.0.1:9100/").twilio_base_url == "http://127.0.0.1:9100"


@pytest.mark.parametrize(
    "given", [{"openai_api_key": SECRET}, {"openai_base_url": "http://127.0.0.1:11434/v1"}]
)
def test_a_key_or_a_server_turns_the_judge_on(given: dict[str, str]) -> None:
    assert load_settings(**given).llm_configured


@pytest.mark.parametrize(
    "url",
    [
        "https://voice.example.org",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
        "http://192.168.1.9",
        "http://localhost",
    ],
)
def test_voices_cross_the_internet_encrypted_and_the_house_as_it_likes(url: str) -> None:
    assert load_settings(deepfake_api_url=f"{url}/").deepfake_api_url == url


def test_countries_are_codes_of_two_letters() -> None:
    assert load_settings(alert_countries="us, GB").alert_countries == ("US", "GB")
    assert load_settings().alert_countries == ()
    for wrong in ("+1", "USA", "U1"):
        with pytest.raises(ConfigurationError, match="two-letter codes"):
            load_settings(alert_countries=wrong)


def test_a_limit_in_dollars_needs_prices() -> None:
    prices = {"CALLGUARD_LLM_PRICE_INPUT": "0.15", "CALLGUARD_LLM_PRICE_OUTPUT": "0.6"}
    assert load_settings(_env_file=None, CALLGUARD_LLM_DAILY_USD="2", **prices).llm_daily_usd == 2
    del prices["CALLGUARD_LLM_PRICE_OUTPUT"]
    with pytest.raises(ConfigurationError, match="CALLGUARD_LLM_PRICE_OUTPUT"):
        load_settings(_env_file=None, CALLGUARD_LLM_DAILY_USD="2", **prices)
