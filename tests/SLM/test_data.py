"""The dataset: the same bytes each time, whole families held out, every action in the grammar."""

import hashlib
import random

import pytest

from SLM.actions import grammar
from SLM.data import noise
from SLM.data.build import build, make_row, read, split_families
from SLM.data.entities import held_out
from SLM.data.families import load, parse
from SLM.errors import SlmError
from tests.SLM.conftest import slm


def test_a_rebuild_is_the_same_bytes(tmp_path):
    build(tmp_path / "a", 400)
    build(tmp_path / "b", 400)
    digest = [{p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (tmp_path / d).iterdir()} for d in "ab"]
    assert digest[0] == digest[1]


def test_analysis_finds_no_leak_and_every_op(pipeline):
    _, report, _ = slm("analyze-dataset", "--data", pipeline / "data")
    assert report["ok"] and not report["problems"]
    assert all(leak["sentences"] == 0 for leak in report["leaks"].values())


def test_analysis_reports_a_leak(pipeline, tmp_path):
    train = (pipeline / "data" / "train.jsonl").read_text()
    (tmp_path / "train.jsonl").write_text(train)
    (tmp_path / "test_families.jsonl").write_text(train.splitlines()[0] + "\n")
    status, report, _ = slm("analyze-dataset", "--data", tmp_path, check=False)
    assert status == 1 and "also in train" in report["problems"][0]


def test_families_are_held_out_whole_and_each_op_can_still_be_learnt():
    parts = split_families(load())
    keys = {name: {f.key for f in part} for name, part in parts.items()}
    assert not keys["train"] & keys["test"] and not keys["train"] & keys["val"] and not keys["val"] & keys["test"]
    assert {(f.intent, f.op) for f in load()} == {(f.intent, f.op) for f in parts["train"]}


def test_every_family_makes_rows_with_actions_that_parse():
    rng = random.Random(7)
    for family in load():
        tries = 3 if family.is_line else 12  # one line, or several of them
        rows = [row for row in (make_row(family, rng) for _ in range(tries)) if row]
        assert len(rows) >= tries / 3, f"{family.where}: {family.lines}"
        for row in rows:
            assert grammar().check(row["intent"], row["text"], row["action"]) is None


def test_a_line_keeps_its_split_whatever_stands_beside_it():
    lines = [f for f in load() if f.is_line]
    whole, half = split_families(tuple(lines)), split_families(tuple(lines[::2]))
    for name in whole:
        assert {f.key for f in half[name]} == {f.key for f in whole[name]} & {f.key for f in lines[::2]}


def test_driver_questions_name_ids_that_training_never_saw(pipeline):
    ids = [row["action"].partition("id=")[2].lower() for row in read(pipeline / "data" / "test_drivers.jsonl")]
    train = (pipeline / "data" / "train.jsonl").read_text().lower()
    assert len(ids) >= 200 and all(held_out(i) and i not in train for i in ids)


def test_held_out_entities_never_reach_training(pipeline):
    installing = {family.key for family in load() if family.action == "install {app}"}
    named = {row["action"].removeprefix("install ") for row in read(pipeline / "data" / "train.jsonl")
             if row["family"] in installing and row["action"] != "install"}
    assert named and not any(held_out(name) for name in named)


@pytest.mark.parametrize("kind", noise.KINDS)
def test_noise_changes_a_sentence_a_little(kind):
    text = "please restart the web server on this machine now"
    rng = random.Random(3)
    changed = [noise.add(kind, text, rng) for _ in range(20)]
    assert any(c != text for c in changed) and all(abs(len(c) - len(text)) < 20 for c in changed)


@pytest.mark.parametrize("line", ["(a|b", "a)", "{slot", "<nosuch>"])
def test_a_broken_pattern_names_its_place(line):
    with pytest.raises(SlmError, match="x.txt:3"):
        parse(line, {}, "x.txt:3")


def test_bad_rows_name_their_line(tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"text": "ok"}\n[1]\n')
    with pytest.raises(SlmError, match="bad.jsonl:2"):
        read(tmp_path / "bad.jsonl")
