"""Drivers by heart: what is asked, what an answer can be, and that an adapter learns, is the same in llama.cpp, and can be resumed."""

import json
import random

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
    """(model, adapter, what learn-drivers said) of a debug model that learnt a few ids, and that there are others."""
    out, model = tmp_path_factory.mktemp("drivers"), exported / "model" / "Q8_0.gguf"
    _, report, _ = slm("learn-drivers", "--model", model, "--output", out, "--steps", 80, "--then", 60, "--rank", 16, "--first-layer", 1,
                       "--batch", 2 * IDS, "--unknown", 0.5, "--ids", IDS)
    return model, out / "adapter.gguf", report


def test_every_name_is_reached_by_what_decides_on_it(names):
    assert len(names.paths) == 1 + len(set(drivers.table().values())) == 490
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


def test_a_step_s_questions_are_every_id_once_an_epoch_and_made_up_ones():
    plan, ids = drivers_train.Plan(steps=10, batch=15, unknown=1 / 3), drivers.chosen(50)
    first = [drivers_train.draw(ids, plan, step) for step in range(10)]
    assert all(len(step) == 15 and set(step) <= set(ids) for step in first)
    drawn = [drivers_train.draw(ids, plan, step) for step in range(10, 20)]
    for epoch in (drawn[:5], drawn[5:]):
        assert sorted(i for step in epoch for i in step[:10]) == ids
    strangers = {i for step in drawn for i in step[10:]}
    assert len(strangers) > 45 and not strangers & set(drivers.table()) and all(drivers.id_of(i) == i for i in strangers)
    assert drawn[0] != drawn[5]


def test_made_up_ids_are_like_the_table_s_and_not_of_it():
    known, vendors = set(drivers.table()), {i[:4] for i in drivers.table()}
    for near in (True, False):
        made = drivers.made_up(300, random.Random(1), near)
        assert len(set(made)) > 280 and not known & set(made) and all(i[:4] in vendors for i in made)
        assert made == drivers.made_up(300, random.Random(1), near)
        close = sum(any(sum(a != b for a, b in zip(i, k, strict=True)) == 1 for k in known) for i in made[:40])
        assert close == 40 if near else close < 35


@pytest.mark.parametrize(("text", "found"), [(" 8086:100E ", "8086:100e"), ("8086:100e.", None), ("8086:100", None), ("", None)])
def test_an_id_alone(text, found):
    assert drivers.id_of(text) == found


@pytest.mark.parametrize(("action", "found"), [
    ('find network id=8086:100E device="a"', "8086:100e"), ("identify id=1af4:1000", "1af4:1000"),
    ("find network", None), ("", None), ("find grid=8086:100e", None),
])
def test_the_id_of_an_action(action, found):
    assert drivers.id_in(action) == found


def test_a_model_learns_ids_by_heart_and_denies_what_it_never_saw(learnt):
    model, path, report = learnt
    assert report["ids"] == IDS and report["adapter_bytes"] == path.stat().st_size
    args = ("evaluate-drivers", "--model", model, "--adapter", path, "--ids", IDS, "--split", "bare")
    _, figures, _ = slm(*args)
    assert figures["top1"]["bare"] >= 0.9 and figures["unknown_told"]["of_vendor"] >= 0.5 and figures["ids"] == IDS, figures
    slm(*args, "--engine", "llama.cpp", "--ship", path.parent / "shipped")
    told = json.loads((path.parent / "shipped" / "manifest.json").read_text())
    assert (path.parent / "shipped" / "adapter.gguf").read_bytes() == path.read_bytes() and told["training"]["ids"] == IDS
    assert told["figures"]["llama.cpp"]["top1"]["bare"] == pytest.approx(figures["top1"]["bare"], abs=1.5 / IDS)


def test_llama_cpp_and_the_decoder_one_by_one_answer_as_torch_in_batches(learnt, tokenizer, names):
    model, path, _ = learnt
    ids = [*drivers.chosen(IDS), *drivers.made_up(IDS, random.Random(2))]
    batched = drivers_run.open_memory("torch", model, path)(ids)
    engine = Torch(adapter.apply(from_gguf(model)[0], path))
    single = [drivers.name_driver(engine, tokenizer, names, i) for i in ids]
    theirs = drivers_run.open_memory("llama.cpp", model, path)(ids)
    assert [a.module for a in batched] == [a.module for a in single]
    assert sum(a.module != b.module for a, b in zip(batched, theirs, strict=True)) <= 1
    assert max(abs(a.probability - b.probability) for a, b in zip(batched, single, strict=True)) < 1e-3
    assert sum(abs(a.probability - b.probability) > 0.05 for a, b in zip(batched, theirs, strict=True)) <= 2


def test_the_shipped_model_reads_the_id_out_of_words_it_never_saw():
    ids = drivers.chosen(40)
    seen: list[str] = []

    def memory(some: list[str]) -> list[drivers.Named]:
        seen.extend(some)
        return [drivers.Named(i, 1.0) for i in some]

    answer = drivers_run.answering("llama.cpp", memory)
    for split in ("test", "writer"):
        assert [a.module for a in answer(drivers.questions(ids, drivers_run.asked(split), 3))] == ids
    assert answer(["which driver do I need?", ids[0]]) == [drivers.Named(drivers.UNKNOWN, 0.0), drivers.Named(ids[0], 1.0)]
    assert seen == [*ids, *ids, ids[0]]


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(exported, tmp_path):
    model = exported / "model" / "Q8_0.gguf"
    plan = drivers_train.Plan(steps=5, then=3, rank=4, first=1, batch=8, ids=16)
    for name, stops in (("whole", [8]), ("halves", [4, 8])):
        for stop in stops:
            drivers_train.finetune(model, tmp_path / name, plan, stop_after=stop)
    whole, halves = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["params"] for name in ("whole", "halves"))
    assert all(torch.equal(a, b) for a, b in zip(whole, halves, strict=True)) and len(whole) > 0


def test_what_does_not_fit_is_refused_in_a_line(exported, learnt, tmp_path):
    model, path, _ = learnt
    with pytest.raises(SlmError, match="expected a LoRA adapter"):
        adapter.apply(from_gguf(model)[0], model)
    with pytest.raises(SlmError, match="layers as the model has|expected shape"):
        adapter.apply(from_gguf(drivers_run.MODELS / "slm.gguf")[0], path)
    for wrong in (("name-driver", "--model", model, "--adapter", path), ("name-driver", "x", "--model", model),
                  ("name-driver", "x", "--adapter", path, "--input", tmp_path / "in"),
                  ("name-driver", "x", "--adapter", tmp_path / "none.gguf"),
                  ("learn-drivers", "--model", model, "--output", tmp_path, "--first-layer", "99")):
        status, _, err = slm(*wrong, check=False)
        assert status == 2 and err.startswith("slm: error:") and err.count("\n") == 1


def test_one_id_or_a_file_of_sentences(learnt, names, tmp_path):
    model, path, _ = learnt
    _, one, _ = slm("name-driver", "8086:100E", "--model", model, "--adapter", path)
    assert one["module"] in names.paths and 0 < one["probability"] <= 1
    (tmp_path / "in.jsonl").write_text('{"text": "8086:100e"}\n{"text": ""}\n{"text": "10ec:8139"}\n')
    slm("name-driver", "--model", model, "--adapter", path, "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines[0]["module"] == one["module"] and lines[0]["probability"] == pytest.approx(one["probability"], abs=1e-4)
    assert [a["text"] for a in lines] == ["8086:100e", "", "10ec:8139"] and all(a["module"] in names.paths for a in lines)
    assert lines[1] == {"text": "", "module": drivers.UNKNOWN, "probability": 0}


def test_the_prompt_is_that_of_every_question(tokenizer, names):
    class Recorder:
        def start(self, ids):
            self.ids = ids
            raise StopIteration

    recorder = Recorder()
    with pytest.raises(StopIteration):
        drivers.name_driver(recorder, tokenizer, names, "8086:100e")
    assert recorder.ids == [*tokenizer.prompt("8086:100e"), drivers.SELECT] and recorder.ids[0] == BOS


def test_the_shipped_adapter_is_not_used_with_another_model(learnt, tmp_path, monkeypatch):
    (tmp_path / "adapter.gguf").write_bytes(learnt[1].read_bytes())
    (tmp_path / "manifest.json").write_text(json.dumps({"model": "0" * 64}))
    monkeypatch.setattr(drivers_run, "ADAPTER", tmp_path / "adapter.gguf")
    with pytest.raises(SlmError, match="is for another model than .*slm.gguf; learn-drivers makes one"):
        drivers_run.open_memory("torch")
