"""The shipped model is the file that its manifest tells of, and gets the figures that stand there."""

import hashlib
import json

import pytest

from SLM.data.build import free_rows
from SLM.engines import open_engine
from SLM.errors import SlmError
from SLM.evaluate import classify_rows, score
from SLM.stages import MODELS


@pytest.fixture(scope="module")
def manifest() -> dict:
    return json.loads((MODELS / "manifest.json").read_text())


def test_the_file_is_the_manifest_s(manifest):
    raw = (MODELS / "slm.gguf").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == manifest["sha256"] and len(raw) == manifest["bytes"]


def test_free_sentences_get_the_manifest_s_figures(manifest):
    rows, engine = free_rows("free"), open_engine("host", MODELS)
    found = score(rows, classify_rows(engine, rows))
    engine.close()
    said = manifest["figures"]["host"]["free"]
    assert found["rows"] == said["rows"]
    assert found["accuracy"] == pytest.approx(said["accuracy"]) and found["action_exact"] == pytest.approx(said["action_exact"])


def test_what_it_must_reach_is_in_the_manifest(manifest):
    host, tfidf = (manifest["figures"][name] for name in ("host", "tfidf"))
    families = host["test_families"]
    assert families["macro_f1"] >= 0.93 and families["macro_f1"] >= tfidf["test_families"]["macro_f1"] + 0.10
    assert host["free"]["macro_f1"] >= 0.90 and host["free_noise"]["macro_f1"] >= host["free"]["macro_f1"] - 0.04
    assert families["out_of_scope"]["recall_at_92"] >= 0.75 and families["out_of_scope"]["auroc"] >= 0.95 and families["ece"] <= 0.03
    assert host["test_drivers"]["driver_top1"] >= 0.995


def test_the_drivers_known_by_heart_are_the_manifest_s_in_torch_and_llama_cpp():
    from SLM import drivers, drivers_run

    told = json.loads((drivers_run.ADAPTER.parent / "manifest.json").read_text())
    raw = drivers_run.ADAPTER.read_bytes()
    assert hashlib.sha256(raw).hexdigest() == told["sha256"] and len(raw) == told["bytes"] <= 3_000_000
    if told["model"] != hashlib.sha256((MODELS / "slm.gguf").read_bytes()).hexdigest():  # a goal has put another model in its place
        with pytest.raises(SlmError, match="is for another model"):
            drivers_run.open_memory("torch")
        return
    assert all(figure >= 0.95 for figure in told["figures"]["torch"]["top1"].values())
    known = drivers.table()
    ids = sorted(known)[7::9]
    found = drivers_run.open_memory("torch")(ids)
    right = sum(a.module == known[i] for a, i in zip(found, ids, strict=True)) / len(ids)
    assert right == pytest.approx(told["figures"]["torch"]["top1"]["bare"], abs=0.03), "642 ids: 3.5 standard deviations of 0.95"
    some = ids[::5]
    theirs = drivers_run.answering("llama.cpp", drivers_run.open_memory("llama.cpp"))(drivers.questions(some, drivers_run.asked("test"), 1))
    assert sum(a.module != b.module for a, b in zip(found[::5], theirs, strict=True)) <= 2
