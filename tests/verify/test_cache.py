"""A verdict is reused only while nothing that could change it has changed, and only a PASS is."""

import pytest

from bot.verify import cache
from tests.verify.conftest import GOOD


def cached(checkout, **changes) -> bool:
    return checkout.verify(fresh=False, **changes).archs[0].cached


def test_the_second_run_on_a_clean_tree_is_cached_and_named_by_its_sha(checkout):
    checkout.commit()
    first = checkout.verify(fresh=False)
    second = checkout.verify(fresh=False)
    assert not first.archs[0].cached and second.archs[0].cached
    assert first.tree == second.tree == checkout.git("rev-parse", "HEAD^{tree}")
    assert second.archs[0].checks == first.archs[0].checks
    assert not checkout.verify(fresh=True).archs[0].cached


@pytest.mark.parametrize("change", ["tracked", "untracked", "mode", "config", "commit"])
def test_any_change_is_looked_at_anew(checkout, change):
    checkout.commit()
    assert not cached(checkout)
    changes = {}
    if change == "tracked":
        checkout.kernel(GOOD + "\n")
    elif change == "untracked":
        checkout.write("new file", "x")
    elif change == "mode":
        (checkout.root / "boot.sh").chmod(0o755)
    elif change == "config":
        changes["timeout"] = 6
    else:
        checkout.write("note", "x")
        checkout.commit()
    assert not cached(checkout, **changes)
    assert cached(checkout, **changes)


def test_an_edited_tree_is_dirty_and_cached_by_its_content(checkout):
    checkout.commit()
    checkout.write("note", "one")
    assert cache.tree_of(checkout.root).startswith("dirty:")
    assert not cached(checkout) and cached(checkout)
    checkout.write("note", "two")
    assert not cached(checkout)


def test_a_tree_edited_while_it_ran_is_not_cached(checkout):
    checkout.kernel(GOOD)
    checkout.write("build.sh", "echo image > image.bin; echo edited > note\n")
    checkout.commit()
    assert not cached(checkout)
    (checkout.root / "note").unlink()
    assert not cached(checkout)


def test_a_failure_is_never_cached(checkout):
    checkout.kernel(GOOD.replace("exit 33", "exit 35"))
    checkout.commit()
    assert checkout.verify(fresh=False).verdict == "FAIL"
    assert not cached(checkout)


def test_outside_git_nothing_is_cached(tmp_path, checkout):
    import shutil

    shutil.rmtree(checkout.root / ".git")
    assert not cached(checkout) and not cached(checkout)


def test_a_mangled_entry_is_ignored(checkout):
    checkout.commit()
    assert not cached(checkout)
    for entry in cache.folder().glob("*.json"):
        entry.write_text("{")
    assert not cached(checkout)
