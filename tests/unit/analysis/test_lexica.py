"""Every shipped lexicon: whole, compiled, and with the negation of its language."""

import tomllib
from collections import Counter
from functools import cache
from importlib import resources

import pytest

from callguard.analysis.local_scorer import LocalScorer
from callguard.analysis.phrases import load_lexicon
from callguard.domain.scoring import SUSPECT_FROM, UNSURE_FROM
from callguard.domain.signals import LocalScore, Tactic
from callguard.domain.transcript import Speaker, Utterance

LEXICA = sorted(
    file.name.removesuffix(".toml")
    for file in (resources.files("callguard.analysis") / "lexicon").iterdir()
    if file.name.endswith(".toml")
)
SECRETS = {Tactic.CREDENTIALS}


@cache
def scorer(language: str) -> LocalScorer:
    return LocalScorer(load_lexicon(language))


def score(language: str, *texts: str) -> LocalScore:
    spoken = [Utterance(Speaker.CALLER, text, True, place) for place, text in enumerate(texts)]
    return scorer(language).score(spoken)


@pytest.mark.parametrize("language", LEXICA)
def test_a_lexicon_compiles_and_has_every_part(language: str) -> None:
    lexicon = load_lexicon(language)
    file = resources.files("callguard.analysis") / "lexicon" / f"{language}.toml"
    groups = tomllib.loads(file.read_text(encoding="utf-8"))["group"]
    sizes: Counter[str] = Counter()
    for group in groups:
        sizes["protective" if group.get("protective") else group["tactic"]] += len(group["phrases"])

    assert lexicon.version.startswith(f"{language}-")
    assert {*Tactic, "protective"} == sizes.keys()
    assert min(sizes.values()) >= 8
    assert lexicon.negators
    assert lexicon.digit_words


@pytest.mark.parametrize(
    ("language", "asked", "denied"),
    [
        ("es", "digame el codigo que le llego", "no me diga el codigo que le llego"),
        ("es", "necesito su PIN", "no necesito su PIN"),
        ("es", "deme la clave del cajero", "nunca le vamos a pedir que nos de la clave del cajero"),
        ("es", "dígame la contraseña", "el banco nunca le pedirá la contraseña"),
        ("pt", "me diga o código que chegou", "não me diga o código que chegou"),
        ("pt", "preciso da sua senha", "não preciso da sua senha"),
        ("pt", "diga me o PIN do cartão", "nunca lhe vamos pedir que diga o PIN do cartão"),
    ],
)
def test_a_denied_ask_is_no_ask(language: str, asked: str, denied: str) -> None:
    assert score(language, asked).tactics.keys() & SECRETS
    assert not score(language, denied).tactics.keys() & SECRETS


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "no necesito su PIN"),
        ("es", "llame usted al número que viene detrás de la tarjeta"),
        ("es", "no tiene que pagar nada"),
        ("es", "piénselo con calma y háblelo con su hija"),
        ("es", "pase por la sucursal cuando quiera"),
        ("pt", "não preciso da sua senha"),
        ("pt", "ligue para o número que está atrás do cartão"),
        ("pt", "a senhora não tem que pagar nada"),
        ("pt", "pode ir à agência com calma"),
        ("pt", "fale com a sua filha antes"),
    ],
)
def test_words_that_leave_room_speak_against_a_fraud(language: str, text: str) -> None:
    assert min(evidence.weight for evidence in score(language, text).evidence) < 0


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "si no me da el código se bloquea la cuenta"),
        ("es", "no dígame el código completo"),
        ("es", "por qué no me dice el código"),
        ("pt", "se não me passar o código a conta bloqueia"),
    ],
)
def test_a_threat_or_question_with_a_negation_asks_all_the_same(language: str, text: str) -> None:
    assert Tactic.CREDENTIALS in score(language, text).tactics


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "si alguien le pide que compre tarjetas de regalo es una estafa"),
        ("pt", "se alguém ligar e pedir para comprar cartões presente é golpe"),
    ],
)
def test_talk_about_frauds_is_none(language: str, text: str) -> None:
    assert score(language, text).tactics == {}


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (
            "es",
            (
                "le hablo del departamento de seguridad del banco",
                "están entrando en su cuenta ahora mismo",
                "no cuelgue y no se lo diga a nadie",
                "hay que pasar los ahorros a una cuenta segura",
            ),
        ),
        (
            "es",
            (
                "abuela soy yo no le digas nada a mamá",
                "he tenido un accidente y estoy en la comisaría",
                "va un compañero a recoger el dinero en un sobre",
            ),
        ),
        (
            "pt",
            (
                "aqui é da central de segurança do banco",
                "invadiram a conta da senhora e estão fazendo um pix",
                "não desligue e não comente com ninguém",
                "vamos passar o saldo para uma conta segura",
            ),
        ),
        (
            "pt",
            (
                "olá mãe este é o meu número novo o telemóvel caiu na sanita",
                "preciso que pagues uma conta hoje até às cinco por entidade e referência",
                "não digas nada ao pai",
            ),
        ),
    ],
)
def test_a_fraud_is_suspect(language: str, texts: tuple[str, ...]) -> None:
    assert score(language, *texts).risk >= SUSPECT_FROM


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("es", ("le recuerdo su cita del jueves con la doctora", "traiga la tarjeta sanitaria y la receta")),
        ("pt", ("é para lembrar da sua consulta na quinta", "traga o cartão do SUS e a receita")),
    ],
)
def test_an_ordinary_call_is_not_even_unsure(language: str, texts: tuple[str, ...]) -> None:
    assert score(language, *texts).risk < UNSURE_FROM
