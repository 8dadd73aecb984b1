"""The sentence as engines see it, and the action grammar that decoding is held to."""

from hypothesis import given
from hypothesis import strategies as st

from SLM.actions import grammar, quotes, words
from SLM.text import MAX_BYTES, clean, lower


def test_clean_makes_single_spaces_and_plain_quotes():
    assert clean("  Set\tup \u201cnginx\u201d\n now\u2026 ") == 'Set up "nginx" now...'


@given(st.text())
def test_clean_is_bounded_and_stable(text):
    once = clean(text)
    assert len(once.encode()) <= MAX_BYTES
    assert clean(once) == once
    assert len(lower(once).encode()) == len(once.encode())


def test_words_lose_the_punctuation_around_them():
    text = "is (nginx) up, or 'sshd'?"
    assert [text[a:b] for a, b in words(text)] == ["is", "nginx", "up", "or", "sshd"]


def test_an_action_quotes_the_sentence():
    g = grammar()
    assert g.check("APP_INSTALL", "be a web server on port 8080", "serve http port=8080") is None
    assert "does not follow" in g.check("APP_INSTALL", "be a web server on port 8080", "serve http port=9090")
    assert g.check("SYSTEM_MANAGE", "restart nginx's", "restart nginx") is None
    assert g.check("NONE", "hello", "") is None and g.check("NONE", "hello", "install x")


def test_an_op_whose_argument_the_sentence_cannot_give_is_not_begun():
    assert grammar().state("SYSTEM_MANAGE", "", " ki") == (False, False)
    assert grammar().state("SYSTEM_MANAGE", "kill 12", " ki") == (True, False)


def test_quoting_types():
    assert quotes("ip", "from 10.0.0.1/24 to 8.8.8.8.") == ("10.0.0.1/24", "10.0.0.1", "8.8.8.8")
    assert quotes("id", "what is 8086:100e?") == ("8086:100e",)
    assert quotes("number", "port=80, 443/tcp") == ("80", "443")
    assert '"web server"' in quotes("text", "a web server")


@given(st.text(max_size=40))
def test_a_prefix_of_a_complete_action_may_always_go_on(text):
    g, text = grammar(), lower(clean("install " + text))
    for op, args in g.ops["APP_INSTALL"].items():
        values = [g.values(a.kind, text)[:1] for a in args]
        action = " " + op + "".join(f"{a.lead}{v[0]}" for a, v in zip(args, values, strict=True) if v)
        if g.state("APP_INSTALL", text, action)[1]:
            assert all(any(g.state("APP_INSTALL", text, action[:i])) for i in range(len(action)))
