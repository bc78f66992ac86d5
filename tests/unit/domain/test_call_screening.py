import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.call_screening import is_call_screening, may_be_the_robot

APPLE = "Hi, if you record your name and reason for calling, I'll see if this person is available."
GOOGLE = (
    "Hi, the person you're calling is using a screening service from Google, and will get a copy of this "
    "conversation. Go ahead and say your name and why you're calling."
)
ASSIST = (
    "Hi, I'm Call Assist by Google recording this call for the person you're trying to reach. Before I try "
    "to connect you, can I ask what you're calling about?"
)


@pytest.mark.parametrize("sentence", [APPLE, GOOGLE, ASSIST])
def test_a_robot_is_known_from_its_fifth_word_on(sentence: str) -> None:
    words = sentence.split()
    for count in range(1, len(words) + 1):
        heard = " ".join(words[:count])
        assert is_call_screening(heard) == (count >= 5), heard
        assert heard.lower() in {"hi,", "hi"} or may_be_the_robot(heard), heard


@pytest.mark.parametrize(
    "text",
    [
        "if you record your name and reason for calling i will see if this person is available",
        "HI IF YOU RECORD YOUR NAME AND REASON FOR CALLING I'LL SEE IF THIS PERSON IS AVAILABLE",
        "Go ahead and say your name and why you're calling.",
        "Hola, si graba su nombre y el motivo de la llamada, veré si esta persona está disponible.",
        "Si vous enregistrez votre nom et la raison de votre appel, je verrai si la personne est là.",
        "Wenn Sie Ihren Namen und den Grund des Anrufs nennen, sehe ich, ob die Person erreichbar ist.",
        "Olá, se gravar o seu nome e o motivo da chamada, vou ver se esta pessoa está disponível.",
    ],
)
def test_it_is_known_however_it_is_written_down_and_in_five_languages(text: str) -> None:
    assert is_call_screening(text)


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "hi",
        "hello who is calling please",
        "what is your name and why are you calling",
        "I'll see if he is available",
        "wie ist Ihr Name und was ist der Grund",
        "mi nombre es Ana, ¿cuál es el motivo?",
        "you have reached my voicemail please leave a message after the tone",
        "",
    ],
)
def test_people_are_no_robots(text: str) -> None:
    assert not is_call_screening(text)


@pytest.mark.parametrize("text", ["hello", "Hi", "hello who is this", "hi mom", "yes"])
def test_the_person_is_known_after_the_robot(text: str) -> None:
    assert not may_be_the_robot(text)


@pytest.mark.parametrize("text", ["", "Thanks.", "Please stay on the line", "Einen Moment bitte", APPLE])
def test_what_a_robot_says_meanwhile_is_still_the_robot(text: str) -> None:
    assert may_be_the_robot(text)


@given(st.text())
def test_any_text_may_come(text: str) -> None:
    if is_call_screening(text):
        assert may_be_the_robot(text)
