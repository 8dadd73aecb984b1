"""The teacher: an encoder (a tiny one, made here) is fine-tuned on the rows and its probabilities are written beside them."""

import json
import random

import pytest

from SLM.data.build import plain, read
from SLM.evaluate import SPLITS
from SLM.intents import INTENTS
from tests.SLM.conftest import slm


@pytest.fixture(scope="module")
def encoder(pipeline, tmp_path_factory):
    """A BERT of two narrow layers whose vocabulary is the words of the training rows, saved as transformers does."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    where = tmp_path_factory.mktemp("encoder")
    words = {w for row in read(pipeline / "data" / "train.jsonl") for w in row["text"].lower().split() if w.isalpha()}
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(words)]
    (where / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    BertTokenizerFast(str(where / "vocab.txt")).save_pretrained(where)
    BertModel(BertConfig(vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                         intermediate_size=64, max_position_embeddings=96)).save_pretrained(where)
    return where


@pytest.fixture(scope="module")
def taught(pipeline, encoder):
    _, result, _ = slm("teach-dataset", "--data", pipeline / "data", "--encoder", encoder, "--steps", "8", "--extra", "200",
                       "--members", "1")
    return result, read(pipeline / "data" / "taught.jsonl")


def test_every_row_has_probabilities_and_new_rows_none_of_a_test_s_sentences(pipeline, taught):
    result, rows = taught
    assert len(rows) == result["rows"] + result["reworded"] and result["reworded"] == 200
    assert all(len(r["soft"]) == len(INTENTS) and abs(sum(r["soft"]) - 1) < 0.01 for r in rows)
    new = [r for r in rows if r["family"] == "reworded"]
    assert all(r["action"] is None and r["intent"] == INTENTS[max(range(7), key=lambda i: r["soft"][i])] for r in new)
    tests = {plain(r["text"]) for name in ("val", *SPLITS) for r in read(pipeline / "data" / f"{name}.jsonl")}
    assert not tests & {plain(r["text"]) for r in new}


def test_rewording_keeps_the_sentence_s_length_and_changes_known_words_only():
    from SLM.teacher import reworded

    near = {"restart": ["reload"], "machine": ["box", "computer"]}
    for seed in range(20):
        found = reworded("Restart the machine 8080", near, random.Random(seed)).split(" ")
        assert found[1] == "the" and found[3] == "8080" and (found[0] == "reload") != (found[2] in ("box", "computer"))
    assert reworded("uptime 5", near, random.Random(1)) is None


def test_training_learns_from_taught_rows(pipeline, taught, tmp_path):
    _, report, _ = slm("train-model", "--config", "debug", "--data", pipeline / "data", "--tokenizer", pipeline / "model",
                       "--rows", "taught", "--steps", "2", "--output", tmp_path / "m")
    assert report["rows"] == len(taught[1])


def test_a_directory_that_is_no_encoder_is_named(pipeline, tmp_path):
    status, _, said = slm("teach-dataset", "--data", pipeline / "data", "--encoder", tmp_path, check=False)
    assert status == 2 and "--encoder: expected the directory of an encoder" in said and str(tmp_path) in said


def test_make_model_runs_only_what_is_missing(tmp_path):
    shape = tmp_path / "small.yaml"
    shape.write_text("model: {vocab_size: 512, hidden_size: 64, layers: 1, heads: 8, kv_heads: 4, ffn_size: 96, context: 512}\n"
                     "data: {size: 600, seed: 1}\n"
                     "train: {steps: 3, batch_tokens: 1024, lr: 0.01, adam_lr: 0.006, warmup: 1}\n")
    common = ("make-model", "--config", shape, "--output", tmp_path / "m")
    slm(*common, "--ship", tmp_path / "ship", process=True)
    manifest = json.loads((tmp_path / "ship" / "manifest.json").read_text())
    assert manifest["figures"]["host"]["test_families"]["rows"] > 0 and manifest["training"]["steps"] == 3
    _, again, _ = slm(*common, process=True)
    assert again["ran"] == ["validate-gguf"]
    assert (tmp_path / "m" / "slm.gguf").read_bytes() == (tmp_path / "ship" / "slm.gguf").read_bytes()
