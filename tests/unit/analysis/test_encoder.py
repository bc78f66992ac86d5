"""Texts become vectors: alike for alike meanings in five languages, the same however they are computed."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callguard.analysis.encoder import MAX_PIECES, WIDTH, Encoder

# By language: a sentence, the same in other words, and something else of like length.
SENTENCES = {
    "en": (
        "you must pay with gift cards",
        "go and buy gift vouchers to settle the payment",
        "the children are playing in the garden",
    ),
    "es": (
        "tiene que pagar con tarjetas de regalo",
        "compre tarjetas regalo para hacer el pago",
        "los niños están jugando en el jardín",
    ),
    "fr": (
        "vous devez payer avec des cartes cadeaux",
        "achetez des cartes cadeaux pour régler le paiement",
        "les enfants jouent dans le jardin",
    ),
    "de": (
        "sie müssen mit geschenkkarten bezahlen",
        "kaufen sie gutscheinkarten um die zahlung zu leisten",
        "die kinder spielen im garten",
    ),
    "pt": (
        "o senhor tem que pagar com cartões presente",
        "compre cartões presente para fazer o pagamento",
        "as crianças estão brincando no jardim",
    ),
}
PARAPHRASES = [
    *SENTENCES.values(),
    ("do not tell anyone", "keep this a secret from your family", "the bus leaves at noon"),
    ("no se lo diga a nadie", "guarde el secreto ante su familia", "el autobús sale al mediodía"),
    ("n'en parlez à personne", "gardez le secret devant votre famille", "le bus part à midi"),
    ("sagen sie es niemandem", "behalten sie das als geheimnis für sich", "der bus fährt mittags ab"),
    ("não conte a ninguém", "guarde segredo da sua família", "o ônibus sai ao meio-dia"),
    ("read me the code you got by text", "tell me the number in the message", "soup with carrots tonight"),
    ("léame el código del mensaje", "dígame el número que le llegó", "sopa con zanahorias esta noche"),
    (
        "lisez-moi le code du message",
        "dites-moi le numéro que vous avez reçu",
        "une soupe de carottes ce soir",
    ),
    ("lesen sie mir den code vor", "sagen sie mir die nummer aus der nachricht", "heute abend gibt es suppe"),
    ("leia o código da mensagem", "diga o número que recebeu", "sopa de cenoura hoje à noite"),
]
MISSED = pytest.mark.xfail(strict=True, reason="five layers do not join these two ways to ask for secrecy")
LONG = " ".join(f"and then number {number} told me to wait for the bank" for number in range(40))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture(scope="module")
def forgetful() -> Encoder:
    """Keeps no results."""
    return Encoder(stretches_kept=0)


def likeness(encoder: Encoder, one: str, other: str) -> float:
    """The cosine of two texts' vectors, less what all vectors share."""
    shared = np.mean([encoder.encode(text) for texts in PARAPHRASES for text in texts], axis=0)
    a, b = encoder.encode(one) - shared, encoder.encode(other) - shared
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_a_text_is_one_vector(encoder: Encoder) -> None:
    vector = encoder.encode("hello this is your bank")

    assert vector.shape == (WIDTH,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) > 0.1


def test_two_encoders_agree(encoder: Encoder) -> None:
    other = Encoder()

    assert other.version == encoder.version
    assert np.array_equal(other.encode(LONG), encoder.encode(LONG))


@pytest.mark.parametrize("nothing", ["", "   ", "\n\t\u3000"])
def test_no_words_have_no_meaning(encoder: Encoder, nothing: str) -> None:
    assert not encoder.encode(nothing).any()


@pytest.mark.parametrize(
    ("said", "again", "else_"),
    [
        pytest.param(*texts, marks=MISSED if texts[0] == "no se lo diga a nadie" else ())
        for texts in PARAPHRASES
    ],
)
def test_a_paraphrase_is_closer_than_another_subject(
    encoder: Encoder, said: str, again: str, else_: str
) -> None:

    assert likeness(encoder, said, again) > likeness(encoder, said, else_) + 0.1


@pytest.mark.parametrize("language", [language for language in SENTENCES if language != "en"])
def test_a_translation_is_closer_than_another_subject(encoder: Encoder, language: str) -> None:
    (gift_cards, _, garden), (said, _, else_) = SENTENCES["en"], SENTENCES[language]

    assert likeness(encoder, gift_cards, said) > likeness(encoder, gift_cards, else_)
    assert likeness(encoder, garden, else_) > likeness(encoder, garden, said)


@given(st.text(st.characters(codec=None), max_size=60))
@settings(deadline=None, max_examples=60)
def test_any_text_can_be_encoded(encoder: Encoder, text: str) -> None:
    vector = encoder.encode(text)

    assert vector.shape == (WIDTH,)
    assert np.isfinite(vector).all()
    assert vector.any() == bool(encoder.count(text))


@pytest.mark.parametrize("text", ["x" * 20_000, "الو " * 300, "😀" * 500, "\udcff\x00\ufffe", "１２３ ﬁn"])
def test_odd_texts_can_be_encoded(encoder: Encoder, text: str) -> None:
    assert np.isfinite(encoder.encode(text)).all()


def test_case_and_form_of_letters_do_not_matter(encoder: Encoder) -> None:
    assert np.array_equal(encoder.encode("SEÑORA, su ﬁlho"), encoder.encode("sen\u0303ora,  su filho"))


@given(st.lists(st.sampled_from(LONG.split()), min_size=1, max_size=150))
@settings(deadline=None, max_examples=15)
def test_a_turn_that_grows_is_encoded_as_if_it_were_new(
    encoder: Encoder, forgetful: Encoder, words: list[str]
) -> None:
    for heard in range(1, len(words), 12):
        encoder.encode(" ".join(words[:heard]))

    assert np.array_equal(encoder.encode(" ".join(words)), forgetful.encode(" ".join(words)))


def test_stretches_weigh_by_their_length(forgetful: Encoder) -> None:
    words = "one " * MAX_PIECES
    assert forgetful.count(words) == MAX_PIECES, "a word of one piece is needed"

    together = forgetful.encode(words + "secret")
    extra = forgetful.count("secret")
    apart = forgetful.encode(words) * MAX_PIECES + forgetful.encode("secret") * extra

    assert np.allclose(together, apart / (MAX_PIECES + extra), atol=1e-5)


def test_a_vector_given_away_can_be_changed(encoder: Encoder) -> None:
    first = encoder.encode("press one now")
    kept = first.copy()
    first += 1

    assert np.array_equal(encoder.encode("press one now"), kept)


def test_threads_share_an_encoder(forgetful: Encoder) -> None:
    shared = Encoder(stretches_kept=3)
    texts = [text for texts in SENTENCES.values() for text in texts] * 3
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(shared.encode, texts))

    for text, vector in zip(texts, found, strict=True):
        assert np.array_equal(vector, forgetful.encode(text))
