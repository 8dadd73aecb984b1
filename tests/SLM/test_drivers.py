"""Drivers by heart: what is asked, what an answer can be, and that an adapter learns, is the same in llama.cpp, and can be resumed."""

import json

import pytest
import torch

from SLM import adapter, drivers, drivers_run, drivers_train
from SLM.data.build import plain
from SLM.engines.torch_engine import Torch
from SLM.errors import SlmError
from SLM.gguf_torch import from_gguf
from SLM.intents import BOS, EOS
from SLM.tokenizer import Tokenizer
from tests.SLM.conftest import slm

IDS = 24


@pytest.fixture(scope="module")
def tokenizer(exported) -> Tokenizer:
    return Tokenizer(exported / "model" / "tokenizer.json")


@pytest.fixture(scope="module")
def names(tokenizer) -> drivers.Names:
    return drivers.Names(tokenizer, drivers.table().values())


@pytest.fixture(scope="module")
def learnt(exported, tmp_path_factory):
    """(model, adapter, what learn-drivers said) of a debug model that learnt a few ids."""
    out, model = tmp_path_factory.mktemp("drivers"), exported / "model" / "Q8_0.gguf"
    _, report, _ = slm("learn-drivers", "--model", model, "--output", out, "--steps", 120, "--rank", 16, "--first-layer", 1,
                       "--batch", IDS, "--ids", IDS)
    return model, out / "adapter.gguf", report


def test_every_name_is_reached_by_what_decides_on_it(names):
    assert len(names.paths) == len(set(drivers.table().values())) == 489
    for name, path in names.paths.items():
        short = names.decisive(name)
        assert names.forced(short) == path and path[-1] == EOS
        assert not short or names.forced(short[:-1]) != path


def test_held_out_phrasings_are_not_training_s():
    learnt = {plain(p) for p in drivers.phrasings("train", 1000, 1)}
    for split in ("test", "writer"):
        asked = drivers_run.asked(split)
        assert len(set(asked)) > 50 and all(p.count(drivers.ID) == 1 for p in asked)
        assert not learnt & {plain(p) for p in asked}
    assert drivers.questions(["8086:100e"], ["a\0b"], 1) == ["a8086:100eb"]


def test_a_step_s_questions_are_every_id_once_an_epoch():
    plan = drivers_train.Plan(batch=10, sentences=0.5, sets=3)
    drawn = [drivers_train.draw(50, plan, step) for step in range(10)]
    for epoch in (drawn[:5], drawn[5:]):
        assert sorted(i for step in epoch for _, i in step) == list(range(50))
    sets = [s for step in drawn for s, _ in step]
    assert 30 < sum(s > 0 for s in sets) < 70 and set(sets) == {0, 1, 2, 3}
    assert drawn[0] != drawn[5]


def test_a_model_learns_ids_by_heart_and_names_them_in_other_words(learnt):
    model, path, report = learnt
    assert report["ids"] == IDS and report["adapter_bytes"] == path.stat().st_size
    args = ("evaluate-drivers", "--model", model, "--adapter", path, "--ids", IDS, "--split", "bare", "--split", "train")
    _, figures, _ = slm(*args)
    assert figures["top1"]["bare"] >= 0.9 and figures["top1"]["train"] >= 0.5, figures
    assert figures["ids"] == IDS and 0 <= figures["sure_of_unknown"] <= 1
    slm(*args, "--engine", "llama.cpp", "--ship", path.parent / "shipped")
    told = json.loads((path.parent / "shipped" / "manifest.json").read_text())
    assert (path.parent / "shipped" / "adapter.gguf").read_bytes() == path.read_bytes() and told["training"]["ids"] == IDS
    assert told["figures"]["llama.cpp"]["top1"]["bare"] == pytest.approx(figures["top1"]["bare"], abs=1.5 / IDS)


def test_llama_cpp_and_the_decoder_one_by_one_answer_as_torch_in_batches(learnt, tokenizer, names):
    model, path, _ = learnt
    ids = drivers.chosen(IDS)
    texts = [*ids, *drivers.questions(ids, drivers_run.asked("test"), 2)]
    batched = drivers_run.open_memory("torch", model, path)(texts)
    engine = Torch(adapter.apply(from_gguf(model)[0], path))
    single = [drivers.name_driver(engine, tokenizer, names, text) for text in texts]
    theirs = drivers_run.open_memory("llama.cpp", model, path)(texts)
    assert [a.module for a in batched] == [a.module for a in single]
    assert sum(a.module != b.module for a, b in zip(batched, theirs, strict=True)) <= 1
    assert max(abs(a.probability - b.probability) for a, b in zip(batched, single, strict=True)) < 1e-3
    assert sum(abs(a.probability - b.probability) > 0.05 for a, b in zip(batched, theirs, strict=True)) <= 2


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(exported, tmp_path):
    model = exported / "model" / "Q8_0.gguf"
    plan = drivers_train.Plan(steps=8, rank=4, first=1, batch=8, ids=16)
    for name, stops in (("whole", [8]), ("halves", [4, 8])):
        for stop in stops:
            drivers_train.finetune(model, tmp_path / name, plan, stop_after=stop)
    whole, halves = (torch.load(tmp_path / name / "checkpoint.pt")["params"] for name in ("whole", "halves"))
    assert all(torch.equal(a, b) for a, b in zip(whole, halves, strict=True)) and len(whole) > 0


def test_what_does_not_fit_is_refused_in_a_line(exported, learnt, tmp_path):
    model, path, _ = learnt
    with pytest.raises(SlmError, match="expected a LoRA adapter"):
        adapter.apply(from_gguf(model)[0], model)
    with pytest.raises(SlmError, match="layers as the model has|expected shape"):
        adapter.apply(from_gguf(drivers_run.MODELS / "slm.gguf")[0], path)
    for wrong in (("name-driver", "--model", model, "--adapter", path), ("name-driver", "x", "--adapter", path, "--input", tmp_path / "in"),
                  ("name-driver", "x", "--adapter", tmp_path / "none.gguf"),
                  ("learn-drivers", "--model", model, "--output", tmp_path, "--first-layer", "99")):
        status, _, err = slm(*wrong, check=False)
        assert status == 2 and err.startswith("slm: error:") and err.count("\n") == 1


def test_one_id_or_a_file_of_sentences(learnt, names, tmp_path):
    model, path, _ = learnt
    _, one, _ = slm("name-driver", "8086:100E", "--model", model, "--adapter", path)
    assert one["module"] in names.paths and 0 < one["probability"] <= 1
    (tmp_path / "in.jsonl").write_text('{"text": "8086:100e"}\n{"text": ""}\n{"text": "who drives 10ec:8139?"}\n')
    slm("name-driver", "--model", model, "--adapter", path, "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines[0]["module"] == one["module"] and lines[0]["probability"] == pytest.approx(one["probability"], abs=1e-4)
    assert [a["text"] for a in lines] == ["8086:100e", "", "who drives 10ec:8139?"] and all(a["module"] in names.paths for a in lines)


def test_the_prompt_is_that_of_every_question(tokenizer, names):
    class Recorder:
        def start(self, ids):
            self.ids = ids
            raise StopIteration

    recorder = Recorder()
    with pytest.raises(StopIteration):
        drivers.name_driver(recorder, tokenizer, names, "Who drives  8086:100E")
    assert recorder.ids == [*tokenizer.prompt("who drives 8086:100e"), drivers.SELECT] and recorder.ids[0] == BOS
