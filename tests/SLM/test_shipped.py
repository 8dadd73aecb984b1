"""The shipped model is the file that its manifest tells of, and gets the figures that stand there."""

import hashlib
import json

import pytest

from SLM.data.build import free_rows
from SLM.engines import open_engine
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
