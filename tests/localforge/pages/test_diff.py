"""Patches as rows: numbers of both sides, marks of what changed, and no text lost or believed."""

import re
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.localforge.pages import diff, highlight
from tests.localforge.pages.markup import read

PATCH = "\n".join((
    "@@ -3,4 +3,5 @@ int main(void)", " int a;", "-int b = 1;", "+int b = 22;", "+int c;", " ", " /* end */",
    "\\ No newline at end of file"))


def text(html) -> str:
    return unescape(re.sub(r"<[^>]*>", "", str(html)))


def test_lines_are_numbered_on_both_sides():
    rows = diff.rows(PATCH, "a.c")
    assert [(row.kind, row.old, row.new) for row in rows] == [
        ("hunk", None, None),
        ("same", 3, 3),
        ("del", 4, None),
        ("add", None, 4),
        ("add", None, 5),
        ("same", 5, 6),
        ("same", 6, 7),
        ("note", None, None),
    ]
    assert text(rows[0].html) == "int main(void)"
    assert text(rows[-1].html) == "No newline at end of file"


def test_what_changed_in_a_line_is_marked():
    rows = diff.rows("@@ -1 +1 @@\n-int b = 1;\n+int b = 22;", "a.c")
    assert [re.findall(r"<mark>(.*?)</mark>", row.html) for row in rows[1:]] == [["1"], ["22"]]


def test_lines_with_little_in_common_are_not_marked():
    assert not any(
        "<mark>" in row.html for row in diff.rows("@@ -1 +1 @@\n-int b;\n+return call(x, y, z);", "a.c")
    )


def test_a_comment_over_several_lines_is_coloured_as_one():
    rows = diff.rows("@@ -1,2 +1,2 @@\n+/* one\n+two */\n+int a;", "a.c")
    assert (
        'class="h-cm"' in rows[1].html
        and 'class="h-cm"' in rows[2].html
        and 'class="h-cm"' not in rows[3].html
    )


def entry(name="a.c", **more):
    return {"filename": name, "status": "modified", "additions": 1, "deletions": 0, "changes": 1, **more}


def test_large_files_are_folded_and_very_large_ones_left_out():
    big = "@@ -0,0 +1,500 @@\n" + "\n".join("+x" for _ in range(500))
    huge = "@@ -0,0 +1,9000 @@\n" + "\n".join("+x" for _ in range(9000))
    one, two, three = diff.files([entry("a", patch=big), entry("b", patch=huge), entry("c", patch=PATCH)])
    assert one.folded and one.rows
    assert two.why == "large" and not two.rows
    assert three.rows and not three.folded
    assert diff.files([entry("b", patch=huge)], only="b")[0].rows


def test_files_without_a_patch_say_why():
    moved = entry(status="renamed", changes=0, additions=0, previous_filename="old.c")
    assert diff.files([moved])[0].why == "Renamed without a change."
    assert "binary" in diff.files([entry()])[0].why


LINES = st.lists(
    st.tuples(
        st.sampled_from("+- "),
        st.text(st.characters(blacklist_characters="\n\r", codec="utf-8"), max_size=30),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(
    LINES,
    st.sampled_from(["a.c", "b.py", "Makefile", "c.S", "d.md", "e.html", "f", "g.json", "h.yml", "i.toml"]),
)
def test_every_line_of_a_patch_is_shown_whole(lines, name):
    patch = "@@ -1,9 +1,9 @@\n" + "\n".join(mark + line for mark, line in lines)
    rows = diff.rows(patch, name)[1:]
    assert [{"add": "+", "del": "-", "same": " "}[row.kind] for row in rows] == [mark for mark, _ in lines]
    for (_, line), row in zip(lines, rows, strict=True):
        assert text(row.html) == text(highlight.seen(line))


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from(["a.c", "b.py", "x.html"]))
def test_any_patch_gives_harmless_rows(patch, name):
    for row in diff.rows(patch, name):
        read(f"<div>{row.html}</div>")
