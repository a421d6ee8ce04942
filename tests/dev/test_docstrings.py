import pytest

from dev.docstrings import questions

WORDS = ["Who", "Whose", "Whom", "What", "Whatever", "Which", "How"]


@pytest.mark.parametrize("word", WORDS)
def test_each_question_word_at_the_beginning_is_found(word: str) -> None:
    assert questions(f'"""{word} it is."""\n') == [(1, word)]


@pytest.mark.parametrize("word", WORDS)
def test_a_question_word_that_opens_the_second_line_of_the_literal_is_found(word: str) -> None:
    assert questions(f'"""\n{word}: it is.\n"""\n') == [(1, word)]


@pytest.mark.parametrize(
    "text", ["Returns what is due.", "Whether it is paid.", "However it ends.", "what it is", ""]
)
def test_other_beginnings_are_accepted(text: str) -> None:
    assert questions(f'"""{text}"""\n') == []


@pytest.mark.parametrize(
    "head", ["class A:", "class _A:", "def a():", "def _a():", "async def a():"]
)
def test_classes_and_functions_are_looked_at_wherever_they_are(head: str) -> None:
    source = f'{head}\n    """Who asks."""\n'
    inner = "".join(f"    {line}\n" for line in source.splitlines())
    assert questions(source) == [(2, "Who")]
    assert questions(f"class Outer:\n{inner}") == [(3, "Who")]


def test_each_is_found_by_its_line() -> None:
    source = '"""How."""\n\ndef a():\n    """Adds."""\n\nclass B:\n    """Which one."""\n'
    assert questions(source) == [(1, "How"), (7, "Which")]


def test_constants_and_fields_are_looked_at_by_the_text_below_them() -> None:
    source = 'A = 1\n"""What A is."""\n\nclass B:\n    c: int = 0\n    """How many."""\n'
    assert questions(source) == [(2, "What"), (6, "How")]


def test_other_strings_are_no_docstrings() -> None:
    assert questions('A = "What A is."\n\ndef a():\n    return "What it is."\n') == []
