"""Folders of ended jobs: out of the way at once, deleted when nothing else runs."""

import shutil

from bot.runner import trash
from bot.runner.trash import Trash
from tests.runner.host import wait


def job(folder, name="7"):
    (folder / name / "workspace").mkdir(parents=True)
    (folder / name / "workspace" / "file").write_text("x")
    return folder / name


def test_they_are_deleted_only_when_the_runner_has_rested(tmp_path):
    busy = True
    aside = Trash(tmp_path / "trash", busy=lambda: busy, rest=0.1, space=0)
    path = job(tmp_path)
    aside.put(path)
    aside.start()
    try:
        assert not path.exists()
        aside.put(path)  # it need not be there
        shutil.copytree(next((tmp_path / "trash").iterdir()), path)
        aside.put(path)  # nor be the first of its name
        assert len(list((tmp_path / "trash").iterdir())) == 2
        busy = False
        wait(lambda: not list((tmp_path / "trash").iterdir()), "the rest")
    finally:
        aside.stop()


def test_on_a_disk_that_gets_full_they_go_at_once(tmp_path):
    Trash(tmp_path / "trash", space=shutil.disk_usage(tmp_path).total + 1).put(job(tmp_path))
    assert not list((tmp_path / "trash").iterdir())


def test_so_do_they_when_there_are_many(tmp_path, monkeypatch):
    monkeypatch.setattr(trash, "MOST", 2)
    aside = Trash(tmp_path / "trash", space=0)
    counts = []
    for number in range(3):
        aside.put(job(tmp_path, str(number)))
        counts.append(len(list((tmp_path / "trash").iterdir())))
    assert counts == [1, 2, 0]
