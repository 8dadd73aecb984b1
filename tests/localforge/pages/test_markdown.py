"""Markdown: what GitHub renders and the bot uses, and nothing that a stranger could abuse."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.localforge.pages.markdown import render
from tests.localforge.pages.markup import read

REPO = "you/lantern"


@pytest.mark.parametrize(
    "source, expected",
    [
        ("**a** `b` ~~c~~", "<p><strong>a</strong> <code>b</code> <s>c</s></p>"),
        ("see #12", f'<p>see <a href="/{REPO}/issues/12">#12</a></p>'),
        ("`#12` a#12 &#12", "<p><code>#12</code> a#12 &amp;#12</p>"),
        ("a <b>x</b>", "<p>a &lt;b&gt;x&lt;/b&gt;</p>"),
        ("seen <!-- auton:state {} -->", "<p>seen </p>"),
        ("<!-- a\n\n<script>b</script> -->", ""),
        ("[a](javascript:x)", "<p>[a](javascript:x)</p>"),
        ("</details>a", "a"),
        (
            "<DETAILS OPEN><SUMMARY>s</SUMMARY>\n\nx\n\n</DETAILS>",
            "<details open><summary>s</summary>\n<p>x</p>\n</details>",
        ),
        ("<details><summary>s", "<details><summary>s</summary></details>"),
        ("<details onclick=x>", "&lt;details onclick=x&gt;"),
        ("a\u202eb", '<p>a<span class="ctl">U+202E</span>b</p>'),
    ],
)
def test_rendering(source, expected):
    assert render(source, REPO).strip() == expected


def test_bare_addresses_become_links_without_a_referrer():
    html = render("go to https://example.org/a?b=c.", REPO)
    assert html == (
        '<p>go to <a href="https://example.org/a?b=c" rel="nofollow noopener noreferrer">'
        "https://example.org/a?b=c</a>.</p>\n"
    )


def test_task_list():
    html = render("- [x] done\n- [ ] open\n- other", REPO)
    assert html.count('type="checkbox" disabled checked') == 1 and html.count("checkbox") == 2


def test_an_open_tag_ends_with_its_container():
    assert "</details></blockquote>" in render("> <details>\n> a\n\nb", REPO)


def test_pictures_from_elsewhere_are_links():
    assert "<img" not in render("![cat](https://example.org/cat.png)", REPO)
    assert '<img src="/you/lantern/raw/main/docs/a.png"' in render("![a](a.png)", REPO, "main/docs/")


def test_relative_links_of_a_file_stay_in_the_repository():
    assert 'href="/you/lantern/blob/main/docs/b.md"' in render("[b](b.md)", REPO, "main/docs/")


PIECES = st.sampled_from(
    [
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<!--",
        "-->",
        "<script>",
        "> ",
        "- ",
        "\n",
        "\n\n",
        "`",
        "```",
        "*",
        "[",
        "](",
        ")",
        "|",
        "|-|",
        "<a href=",
        "&lt;",
        "#1",
        "text",
        " ",
        "\\",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=40).map("".join))
def test_any_text_gives_balanced_and_harmless_html(source):
    read(f"<div>{render(source, REPO)}</div>")


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_in_a_file_gives_balanced_and_harmless_html(source):
    read(f"<div>{render(source, REPO, 'main/')}</div>")
