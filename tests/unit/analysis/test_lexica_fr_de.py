"""The French and the German lexicon: complete, and deaf to what is denied or told of somebody else's call."""

import pytest

from callguard.analysis.local_scorer import LocalScorer
from callguard.analysis.phrases import load_lexicon
from callguard.domain.scoring import SUSPECT_FROM, UNSURE_FROM
from callguard.domain.signals import LocalScore, Tactic
from callguard.domain.transcript import Speaker, Utterance

SCORERS = {language: LocalScorer(load_lexicon(language)) for language in ("fr", "de")}
ASKS = {Tactic.PAYMENT, Tactic.CREDENTIALS, Tactic.REMOTE_ACCESS}


def score(language: str, *texts: str) -> LocalScore:
    return SCORERS[language].score([Utterance(Speaker.CALLER, t, True, n) for n, t in enumerate(texts)])


TACTICS = {
    "fr": {
        Tactic.AUTHORITY: "je suis agent assermenté matricule cinq cent sept",
        Tactic.FEAR: "il y a un mandat d'arrêt contre vous",
        Tactic.URGENCY: "dépêchez-vous il vous reste dix minutes",
        Tactic.SECRECY: "n'en parlez à personne surtout pas à votre fille",
        Tactic.DEFLECTION: "ne raccrochez pas restez en ligne avec moi",
        Tactic.PAYMENT: "achetez quatre coupons pcs au tabac",
        Tactic.CREDENTIALS: "lisez-moi le code que vous avez reçu",
        Tactic.REMOTE_ACCESS: "installez anydesk que je prenne la main",
        Tactic.FAMILY_EMERGENCY: "mamie tu me reconnais pas j'ai eu un accident",
        Tactic.LURE: "vous avez gagné le premier prix du tirage au sort",
        Tactic.RAPPORT: "mon amour quand on sera enfin ensemble",
        Tactic.AUTOMATION: "appuyez sur le un pour parler à un agent",
    },
    "de": {
        Tactic.AUTHORITY: "hier spricht Kriminalhauptkommissar Berger von der Kripo",
        Tactic.FEAR: "gegen Sie liegt ein Haftbefehl vor",
        Tactic.URGENCY: "beeilen Sie sich Sie haben nur noch zehn Minuten",
        Tactic.SECRECY: "sprechen Sie mit niemandem darüber auch nicht mit Ihrer Tochter",
        Tactic.DEFLECTION: "legen Sie nicht auf bleiben Sie in der Leitung",
        Tactic.PAYMENT: "kaufen Sie Guthabenkarten an der Tankstelle",
        Tactic.CREDENTIALS: "lesen Sie mir bitte die TAN vor",
        Tactic.REMOTE_ACCESS: "laden Sie AnyDesk herunter damit ich mich aufschalten kann",
        Tactic.FAMILY_EMERGENCY: "Oma rate mal wer dran ist ich hatte einen Unfall",
        Tactic.LURE: "Sie haben den Hauptpreis gewonnen",
        Tactic.RAPPORT: "mein Engel wann können wir endlich zusammen sein",
        Tactic.AUTOMATION: "drücken Sie die Eins um mit einem Mitarbeiter zu sprechen",
    },
}


@pytest.mark.parametrize("language", TACTICS)
def test_every_tactic_is_heard(language: str) -> None:
    assert TACTICS[language].keys() == set(Tactic)
    deaf = [
        tactic for tactic, text in TACTICS[language].items() if tactic not in score(language, text).tactics
    ]
    assert deaf == []


@pytest.mark.parametrize(
    ("language", "asked", "denied"),
    [
        ("fr", "il faut me donner votre code", "vous n'avez pas besoin de me donner votre code"),
        ("fr", "lisez-moi le code", "je ne vous demande pas de me lire le code"),
        ("fr", "donnez-moi votre mot de passe", "votre mot de passe vous me le dites pas"),
        ("fr", "achetez des cartes cadeaux", "on ne vous demandera jamais d'acheter des cartes cadeaux"),
        ("fr", "il me faut votre code confidentiel", "votre code confidentiel gardez-le pour vous"),
        ("de", "nennen Sie mir Ihre PIN", "wir fragen Sie nie nach Ihrer PIN"),
        ("de", "nennen Sie mir bitte Ihre PIN", "nennen Sie mir bitte nicht Ihre PIN"),
        ("de", "lesen Sie mir die TAN", "lesen Sie mir die TAN nicht vor"),
        ("de", "kaufen Sie Gutscheinkarten", "Sie müssen keine Gutscheinkarten kaufen"),
        ("de", "sagen Sie mir das Passwort", "das Passwort brauche ich nicht"),
    ],
)
def test_a_denied_ask_is_no_ask(language: str, asked: str, denied: str) -> None:
    assert score(language, asked).tactics.keys() & ASKS
    assert not score(language, denied).tactics.keys() & ASKS


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "ne quittez pas donnez-moi le code"),
        ("fr", "ne vous inquiétez pas lisez-moi le code"),
        ("de", "erschrecken Sie nicht nennen Sie mir die TAN"),
        ("de", "nennen Sie mir die TAN und nicht auflegen"),
        ("de", "lesen Sie mir die TAN vor nicht auflegen"),
    ],
)
def test_a_negation_of_something_else_leaves_the_ask(language: str, text: str) -> None:
    assert Tactic.CREDENTIALS in score(language, text).tactics


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "si quelqu'un vous demande d'acheter des coupons pcs au tabac vous raccrochez"),
        ("de", "wenn jemand anruft und sagt Sie sollen Guthabenkarten kaufen dann legen Sie auf"),
    ],
)
def test_talk_about_frauds_is_none(language: str, text: str) -> None:
    assert not score(language, text).tactics.keys() & ASKS


@pytest.mark.parametrize(
    ("language", "alarming", "relieving"),
    [
        (
            "fr",
            "ici le service fraude de votre banque il y a eu une tentative de paiement",
            "raccrochez et rappelez le numéro au dos de votre carte prenez votre temps",
        ),
        (
            "de",
            "hier ist die Betrugsabteilung Ihrer Bank es gab eine verdächtige Abbuchung",
            "legen Sie auf und rufen Sie die Nummer auf der Rückseite Ihrer Karte an lassen Sie sich Zeit",
        ),
    ],
)
def test_words_against_a_fraud_relieve(language: str, alarming: str, relieving: str) -> None:
    assert score(language, alarming).risk > 0
    assert score(language, alarming, relieving).risk < min(score(language, alarming).risk, UNSURE_FROM)


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (
            "fr",
            (
                "service des fraudes on est en train de vider votre compte",
                "donnez-moi votre code personnel tout de suite",
                "ne raccrochez surtout pas et n'en parlez à personne",
            ),
        ),
        (
            "de",
            (
                "hier ist die Polizei bei Ihnen in der Nachbarschaft wurde eingebrochen",
                "ein Kollege in Zivil holt das Bargeld und den Schmuck bei Ihnen ab",
                "sprechen Sie mit niemandem darüber und legen Sie nicht auf",
            ),
        ),
    ],
)
def test_a_whole_script_is_suspect(language: str, texts: tuple[str, ...]) -> None:
    assert score(language, *texts).risk >= SUSPECT_FROM
