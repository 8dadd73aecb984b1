"""One number per stage: the engines agree on the same sentences."""

import json

import numpy as np
import pytest

from SLM.actions import grammar
from SLM.data.build import read
from SLM.decode import Answer
from SLM.engines import open_engine
from SLM.evaluate import driver_top1
from SLM.text import clean
from tests.SLM.conftest import slm


def ask(name, model, rows):
    engine = open_engine(name, model)
    answers = [engine.classify(row["text"]) for row in rows]
    engine.close()
    logits = np.array([a.logits for a in answers])
    return answers, logits - logits.mean(1, keepdims=True)


@pytest.fixture(scope="module")
def rows(exported):
    return read(exported / "data" / "test_families.jsonl")[:40]


@pytest.mark.parametrize("kind", ["F32", "Q8_0", "Q4_0"])
def test_llama_cpp_agrees_with_torch_on_the_same_file(exported, rows, kind):
    ours, a = ask("torch", exported / "model" / f"{kind}.gguf", rows)
    theirs, b = ask("llama.cpp", exported / "model" / f"{kind}.gguf", rows)
    gap = np.abs(a - b).max(1)
    assert np.median(gap) < 1e-2
    if kind == "F32":
        assert gap.max() < 1e-3
        assert [x.action for x in ours] == [x.action for x in theirs]
    assert sum(x.intent != y.intent for x, y in zip(ours, theirs, strict=True)) <= 1


def test_onnxruntime_agrees_with_torch(exported, rows):
    ours, a = ask("torch", exported / "model", rows)
    theirs, b = ask("onnx", exported / "model" / "float.onnx", rows)
    assert np.abs(a - b).max() < 1e-3
    assert [(x.intent, x.action) for x in ours] == [(x.intent, x.action) for x in theirs]


def test_q8_0_keeps_the_intents(exported, rows):
    ours, _ = ask("torch", exported / "model", rows)
    rounded, _ = ask("torch", exported / "model" / "Q8_0.gguf", rows)
    assert sum(x.intent != y.intent for x, y in zip(ours, rounded, strict=True)) <= 1


def test_actions_always_parse(exported):
    engine = open_engine("torch", exported / "model")
    for text in ("install", "asdf 12 \u2713 \u00e4", 'say "hi" to port=80', "x " * 120, "KILL 4312!!", "8086:100E", "a" * 300):
        found = engine.classify(text)
        assert grammar().check(found.intent, clean(text), found.action) is None, (text, found)


def test_classify_and_evaluate_through_the_command_line(exported, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "restart nginx"}\n{"text": ""}\n{"text": "Hello"}\n')
    for engine in ("torch", "rules"):
        _, report, _ = slm("classify", "--engine", engine, "--model", exported / "model", "--input", tmp_path / "in.jsonl",
                           "--output", tmp_path / "out.jsonl")
        lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        assert report["rows"] == 3 and [set(line) for line in lines] == [{"text", "intent", "probability", "action", "ms"}] * 3
    assert lines[0]["intent"] == "SYSTEM_MANAGE" and lines[0]["action"] == "restart nginx"


def test_one_sentence_on_the_command_line(exported):
    _, one, _ = slm("classify", "restart nginx", "--engine", "rules")
    assert one["intent"] == "SYSTEM_MANAGE" and one["action"] == "restart nginx" and "text" not in one
    for wrong in ((), ("x", "--input", exported / "data" / "val.jsonl"), ("--input", exported / "data" / "val.jsonl")):
        status, _, err = slm("classify", "--engine", "rules", *wrong, check=False)
        assert status == 2 and err.startswith("slm: error: classify: expected either TEXT") and err.count("\n") == 1


def test_the_baseline_kept_beside_a_dataset_is_what_was_trained_and_nothing_that_runs(exported, rows, tmp_path):
    (tmp_path / "train.jsonl").write_bytes((exported / "data" / "train.jsonl").read_bytes())
    trained, _ = ask("tfidf", tmp_path, rows)
    kept = tmp_path / "tfidf.npz"
    made = kept.read_bytes()
    again, _ = ask("tfidf", tmp_path, rows)
    assert [(a.intent, a.probability) for a in again] == [(a.intent, a.probability) for a in trained] and kept.read_bytes() == made
    with np.load(kept) as arrays:
        good = dict(arrays)
    hostile = np.array(["x", {"a": 1}], dtype=object)  # a pickle
    for name, value in (("words0", hostile), ("coef", good["coef"][:, 1:]), ("idf1", good["idf1"][:-1]),
                        ("words0", np.repeat(good["words0"][:1], len(good["words0"]))), ("classes", good["classes"][:2])):
        np.savez(kept, **{**good, name: value})
        assert ask("tfidf", tmp_path, rows[:5])[0][0].probability == trained[0].probability, f"{name} was believed"
        assert kept.read_bytes() == made, "it is trained anew, and kept"


def test_driver_top1_looks_the_quoted_id_up_in_the_table():
    rows = [{"intent": "DRIVER_SELECT", "text": "", "action": f"find id={i}"} for i in ("8086:100e", "8086:100e", "8086:100e", "ffff:0000")]
    found = [Answer("DRIVER_SELECT", 1.0, "find id=8086:100E"), Answer("DRIVER_SELECT", 1.0, "find"), Answer("NONE", 1.0, "")]
    assert driver_top1(rows, [*found, found[0]]) == 1 / 3
    assert driver_top1(rows[3:], found[:1]) is None


def test_evaluation_beside_the_baselines_and_the_comparison(exported, tmp_path):
    args = ("evaluate-model", "--model", exported / "model", "--data", exported / "data", "--limit", "60", "--split", "test_families")
    _, report, _ = slm(*args, "--output", tmp_path / "a.json")
    assert set(report["engines"]) == {"torch", "rules", "tfidf"}
    figures = report["engines"]["torch"]["test_families"]
    assert 0.2 < figures["macro_f1"] <= 1 and figures["action_parses"] == 1.0 and figures["interval"][0] <= figures["macro_f1"]
    status, same, _ = slm("compare-models", "--base", tmp_path / "a.json", "--candidate", tmp_path / "a.json")
    assert status == 0 and same["ok"]
    worse = json.loads((tmp_path / "a.json").read_text())
    worse["engines"]["torch"]["test_families"]["macro_f1"] -= 0.1
    (tmp_path / "b.json").write_text(json.dumps(worse))
    status, refused, _ = slm("compare-models", "--base", tmp_path / "a.json", "--candidate", tmp_path / "b.json", check=False)
    assert status == 1 and refused["regressions"]
