"""How the code is laid out: small modules, rooms with a name plate, one way to speak and to wait."""

import ast
from collections import Counter

from tests.conventions.project import CODE, ROOT, calls, modules, text, tree

MOST_LINES = 400


def test_there_is_code_to_look_at() -> None:
    for folder in ("callguard", "tests", "bench"):
        assert modules(folder)


def test_a_module_fits_a_readers_head() -> None:
    long = {
        str(path): lines for path in modules(*CODE) if (lines := len(text(path).splitlines())) > MOST_LINES
    }

    assert long == {}


def test_each_folder_of_the_package_is_a_package_that_says_what_it_is_for() -> None:
    folders = {path.parent for path in modules("callguard", "bench")}
    undescribed = [
        str(folder)
        for folder in folders
        if not (ROOT / folder / "__init__.py").is_file()
        or not ast.get_docstring(tree(folder / "__init__.py"))
    ]

    assert undescribed == []


def test_test_modules_have_names_of_their_own() -> None:
    """Pytest imports them by name alone."""
    names = Counter(path.name for path in modules("tests") if path.name.startswith("test_"))

    assert {name: times for name, times in names.items() if times > 1} == {}


def test_only_the_command_line_prints() -> None:
    printing = {
        str(path): lines
        for path in modules("callguard")
        if path.parts[1] != "cli" and (lines := calls(path, "print"))
    }

    assert printing == {}


def test_nothing_sleeps_where_it_could_wait() -> None:
    """A file lock tells nobody when it is let go: the embedded database alone looks again, in threads."""
    looks_again = {"callguard/local/postgres/locks.py", "callguard/local/postgres/server.py"}
    sleeping = {str(path) for path in modules("callguard", "tests") if calls(path, "time.sleep")}

    assert sleeping - looks_again == set()


def test_tests_wait_for_events_and_not_for_time() -> None:
    """`asyncio.sleep(0)` lets others run; anything longer hopes. One helper looks again, until a deadline."""
    hoping = {
        str(path): lines
        for path in modules("tests")
        if path.name != "eventually.py"
        if (
            lines := [
                call.lineno for call in ast.walk(tree(path)) if isinstance(call, ast.Call) and _sleeps(call)
            ]
        )
    }

    assert hoping == {}


def _sleeps(call: ast.Call) -> bool:
    return ast.unparse(call).startswith("asyncio.sleep(") and ast.unparse(call) != "asyncio.sleep(0)"


def test_the_environment_is_read_in_one_place() -> None:
    """What reads the environment past the settings is documented nowhere, unless it is the system's own."""
    system = {"XDG_RUNTIME_DIR", "HF_HUB_OFFLINE", "PATH"}
    reading = {
        f"{path}:{node.lineno}"
        for path in modules("callguard")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
        if not any(name in text(path).splitlines()[node.lineno - 1] for name in system)
    }

    assert reading == set()
