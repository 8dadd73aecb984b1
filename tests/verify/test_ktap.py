"""The KTAP parser on generated documents: what is whole is read whole, anything less never passes."""

from hypothesis import given
from hypothesis import strategies as st

from bot.verify.ktap import parse

names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
suites = st.lists(st.tuples(names, st.lists(st.tuples(names, st.booleans()), min_size=1, max_size=4)),
                  min_size=1, max_size=4)
noise = st.sampled_from(["", "[ 0.1] mm: 64 MiB", "# a remark", "okay then", "  plan B", "ok, going on"])


def render(tree) -> list[str]:
    lines = ["KTAP version 1", f"1..{len(tree)}"]
    for n, (suite, cases) in enumerate(tree, 1):
        lines += ["  KTAP version 1", f"  1..{len(cases)}"]
        lines += [f"  {'ok' if ok else 'not ok'} {m} {case}" for m, (case, ok) in enumerate(cases, 1)]
        lines.append(f"{'ok' if all(ok for _, ok in cases) else 'not ok'} {n} {suite}")
    return lines


def read(lines):
    return parse("\n".join(lines))


@given(suites)
def test_a_whole_document_is_read_whole(tree):
    document = read(render(tree))
    assert not document.errors and document.complete
    assert [(case.name, case.ok) for case in document.cases] == [
        (f"{suite}.{case}", ok) for suite, cases in tree for case, ok in cases]
    assert document.passed == all(ok for _, cases in tree for _, ok in cases)


@given(suites, st.data())
def test_a_truncated_document_never_passes(tree, data):
    lines = render(tree)
    assert not read(lines[:data.draw(st.integers(0, len(lines) - 1))]).passed


@given(suites, st.data())
def test_a_lost_or_doubled_line_never_passes(tree, data):
    lines = render(tree)
    at = data.draw(st.integers(0, len(lines) - 1))
    assert not read(lines[:at] + lines[at + 1:]).passed
    assert not read(lines[:at] + [lines[at]] + lines[at:]).passed


@given(suites, st.data())
def test_one_not_ok_anywhere_never_passes(tree, data):
    lines = [line.replace("not ok", "ok") for line in render(tree)]
    at = data.draw(st.sampled_from([n for n, line in enumerate(lines) if line.lstrip().startswith("ok ")]))
    lines[at] = lines[at].replace("ok ", "not ok ", 1)
    assert not read(lines).passed


@given(suites, st.data())
def test_the_kernels_own_log_between_the_lines_means_nothing(tree, data):
    lines = render(tree)
    mixed = [part for line in lines for part in (*data.draw(st.lists(noise, max_size=2)), line)]
    assert read(mixed).cases == read(lines).cases and read(mixed).errors == []


@given(st.text(max_size=300))
def test_nonsense_is_read_without_harm(text):
    assert not parse(text).passed


def test_skips_are_told_and_timeouts_fail():
    document = read(["KTAP version 1", "1..2", "ok 1 a # SKIP no disk", "ok 2 b # TIMEOUT"])
    first, second = document.cases
    assert (first.skipped, first.ok, first.detail) == (True, True, "no disk")
    assert (second.skipped, second.ok, second.detail) == (False, False, "timeout: ")


def test_a_flood_of_cases_is_an_error_and_is_not_kept():
    suite = ["  KTAP version 1", "  1..3000", *(f"  ok {n} x" for n in range(1, 3001))]
    document = read(["KTAP version 1", "1..2", *suite, "ok 1 a", *suite, "ok 2 b"])
    assert len(document.cases) == 5000 and "more than 5000 cases" in document.errors[0] and not document.passed


def test_bail_out_and_wrong_numbers_are_errors():
    assert read(["KTAP version 1", "1..1", "Bail out!", "ok 1 a"]).errors
    assert read(["KTAP version 1", "1..2", "ok 2 b", "ok 1 a"]).errors
    assert read(["KTAP version 2", "1..1", "ok 1 a"]).errors
    assert read(["KTAP version 1", "1..0"]).errors


def test_the_first_of_several_failed_expectations_is_the_place():
    [case] = read(["KTAP version 1", "1..1", "# a.c:1: expected 1, found 2", "# a.c:2: expected 3, found 4",
                   "not ok 1 x"]).cases
    assert (case.where, case.detail) == ("a.c:1", "expected 1, found 2\na.c:2: expected 3, found 4")
