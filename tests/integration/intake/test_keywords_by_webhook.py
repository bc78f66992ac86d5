"""Keywords as Twilio tells of them: hidden in odd characters, in a flood, and hinted at beforehand."""

from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from callguard.analysis.catalogue import shipped_catalogue
from callguard.db.pool import Database
from callguard.domain.transcript import Speaker
from callguard.intake.twiml import LANGUAGE_CODES
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage
from tests.integration.population import hear, household, open_call, publish, rows, words
from tests.integration.webhooks import SignedClient, heard, new_call_sid, ringing

HIDDEN = {
    "g\u200bift c\u00adards": "gift cards",
    "gіft саrd": "gift card",
    "ＧＩＦＴ ＣＡＲＤ": "gift card",
    "please get one g i f t card": "gift card",
    "the I.R.S. is here": "irs",
    "bítcöin": "bitcoin",
    "a𝐫𝐫𝐞𝐬𝐭 warrant": "arrest warrant",
}


@pytest.mark.promise("A9")
async def test_hidden_and_spelled_out_words_wake(twilio: SignedClient, cluster: Cluster) -> None:
    for number, (text, phrase) in enumerate(HIDDEN.items()):
        sid = new_call_sid()
        await twilio.post("/incoming-call", ringing(sid, From=f"+120255501{number + 50}"))
        assert (await twilio.post("/transcription", heard(sid, 1, text))).status_code == 204
        [call] = await rows(cluster, "SELECT keywords FROM active_calls WHERE call_sid = $1", sid)
        assert phrase in call["keywords"], text


@pytest.mark.promise("A9")
@pytest.mark.parametrize(
    ("language", "text", "phrase"),
    [
        ("es", "necesito una TRANSFÉRENCIA ya", "transferencia*"),
        ("fr", "c'est l’arge\u0301nt, l'e\u200cnveloppe", "lenveloppe"),
        ("de", "machen Sie eine Über\u00adweisung", "uberweis*"),
        ("pt", "me passa o cо́digo", "codigo*"),
    ],
)
async def test_they_do_in_every_language(
    language: str, text: str, phrase: str, twilio: SignedClient, cluster: Cluster
) -> None:
    await rows(cluster, "UPDATE users SET language = $1", language)
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await twilio.post("/transcription", heard(sid, 1, text, language=LANGUAGE_CODES[language]))
    [call] = await rows(cluster, "SELECT keywords, catalogue_version FROM active_calls")
    assert phrase in call["keywords"]
    assert call["catalogue_version"].startswith(f"{language}/shipped-")


@pytest.mark.promise("A11")
async def test_a_flood_of_keywords_alerts_each_contact_once_a_level(stage: Stage, cluster: Cluster) -> None:
    phrases = [phrase.replace("*", "") for phrase in shipped_catalogue("en").phrases]
    flood = [(Speaker.CALLER, " ".join(phrases[n : n + 40])) for n in range(0, len(phrases), 40)]
    conversation = stage.simulator.dialogue(flood, "en", stepwise=False)
    report = await stage.simulator.place("flood", conversation, Ring("+12025550199", "B"))

    assert report.alerted
    assert len(report.keywords) > len(phrases) * 0.9
    messages = Counter(message.to_number for message in stage.stand_in.messages)
    assert set(messages) == {relative.phone_number for relative in DEMO_FAMILY.relatives}
    assert max(messages.values()) <= 2, "a warning and a danger at the most"
    asked = "SELECT count(*) FILTER (WHERE kind = 'send_alert') AS alerts FROM work"
    assert (await rows(cluster, asked))[0]["alerts"] <= 2 * len(DEMO_FAMILY.relatives)


@pytest.mark.promise("A11")
async def test_a_flood_leaves_one_analysis_waiting(database: Database, cluster: Cluster) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    for sequence in range(40):
        text = "irs sue gift card arrest warrant " * 5
        await hear(database, home, call_id, words(1, sequence, text, final=sequence % 2 == 0))
    waiting = await rows(cluster, "SELECT state FROM work WHERE kind = 'analyse'")
    assert [row["state"] for row in waiting] == ["pending"]


async def test_the_recogniser_gets_the_tenants_own_hints_at_once(
    twilio: SignedClient, database: Database
) -> None:
    async def hints(caller: str) -> list[str]:
        reply = await twilio.post("/incoming-call", ringing(new_call_sid(), From=caller))
        element = ET.fromstring(reply.text).find("Start/Transcription")
        assert element is not None
        return element.attrib["hints"].split(",")

    assert await hints("+12025550151") == list(shipped_catalogue("en").hints)
    async with database.tenant(DEMO_FAMILY.tenant_id) as session:
        await publish(session, DEMO_FAMILY.tenant_id, ["Crème brûlée", "custard*", "rhubarb"])
    assert await hints("+12025550152") == ["Crème brûlée", "rhubarb"]
