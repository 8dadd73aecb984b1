"""The C engine of kernels/core/slm on this machine: the same answers as Python's, the same bits from every kernel."""

import json
import shutil
import struct
import subprocess

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from SLM import c_tables, rules
from SLM.data.build import read
from SLM.engines import open_engine
from SLM.engines.host import Host, program
from SLM.engines.host import open as open_host
from SLM.errors import SlmError
from SLM.gguf_read import check
from SLM.gguf_read import read as read_gguf

pytestmark = pytest.mark.skipif(shutil.which("clang") is None, reason="the C engine is built with clang")


@pytest.fixture(scope="module")
def rows(exported):
    return read(exported / "data" / "test_families.jsonl")[:60]


@pytest.mark.parametrize("name, make", c_tables.HEADERS.items())
def test_the_committed_tables_are_what_python_writes(name, make):
    assert (c_tables.HERE / name).read_text() == make(), "run python -m SLM.c_tables"


def test_float_weights_give_torch_s_logits_and_actions(exported, rows):
    ours, theirs = (open_engine(name, exported / "model" / "F32.gguf") for name in ("torch", "host"))
    for row in rows:
        a, b = ours.classify(row["text"]), theirs.classify(row["text"])
        assert np.abs(np.array(a.logits) - b.logits).max() < 1e-3
        assert (a.intent, a.action) == (b.intent, b.action)
    theirs.close()


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0"])
def test_quantized_weights_agree_and_kernels_agree_to_the_bit(exported, rows, kind):
    model = exported / "model" / f"{kind}.gguf"
    torch = open_engine("torch", model)
    wanted = [torch.classify(row["text"]) for row in rows]
    lines = set()
    for kernel in ("scalar", "swar", "sse2", "avx2", "avx512-vnni"):
        engine = open_host(model, kernel=kernel)
        try:
            found = [engine.classify(row["text"]) for row in rows]
        except SlmError as error:
            assert "expected a kernel that this machine has" in str(error)
            continue
        finally:
            engine.close()
        lines.add(json.dumps([(a.intent, a.action, a.logits) for a in found]))
    assert len(lines) == 1
    gap = [np.abs(np.array(a.logits) - b.logits).max() for a, b in zip(wanted, found, strict=True)]
    assert np.median(gap) < 1e-3
    assert sum(a.intent != b.intent for a, b in zip(wanted, found, strict=True)) <= 1


@pytest.fixture(scope="module")
def pair(exported):
    c = open_engine("host", exported / "model" / "F32.gguf")
    yield open_engine("torch", exported / "model" / "F32.gguf"), c
    c.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=120))
@example("!")
@example("!restart nginx")
def test_any_text_gets_the_same_answer(pair, text):
    a, b = (engine.classify(text.replace("\x00", "")) for engine in pair)
    assert np.abs(np.array(a.logits) - b.logits).max() < 1e-2
    if a.intent == b.intent:
        assert a.action == b.action


def test_the_rule_engine_is_the_same_in_c(pipeline):
    engine = Host("rules")
    rows = [*read(pipeline / "data" / "free_noise.jsonl")[::3], *read(pipeline / "data" / "train.jsonl")[:600]]
    for row in rows:
        found = engine.classify(row["text"])
        assert (found.intent, found.action) == rules.decide(row["text"]), row["text"]
    engine.close()


def test_a_damaged_file_is_refused_with_one_line(exported, tmp_path):
    raw = (exported / "model" / "Q8_0.gguf").read_bytes()
    for name, bad in (("short", raw[:9000]), ("magic", b"X" + raw[1:]), ("empty", b""), ("cut", raw[:-4000])):
        (tmp_path / name).write_bytes(bad)
        done = subprocess.run([program(), tmp_path / name], input="hi\n", capture_output=True, text=True, timeout=20)
        assert done.returncode == 2 and done.stderr.startswith("slm-host: error: ") and done.stderr.count("\n") == 1 and not done.stdout


def patched(raw: bytes, place: int, new: bytes) -> bytes:
    return raw[:place] + new + raw[place + len(new):]


def test_a_model_that_can_not_answer_says_why_before_it_is_asked(exported, tmp_path):
    """The same words from the pipeline's check and from the engine."""
    path = exported / "model" / "Q8_0.gguf"
    raw, found = path.read_bytes(), read_gguf(path)
    same = [token for token in found.keys["tokenizer.ggml.tokens"] if len(token.encode()) == 4 and token.isascii()][-2:]
    one, other = (len(word).to_bytes(8, "little") + word.encode() for word in same)
    twice = patched(raw, raw.index(one), other)
    norm = gguf.GGUFReader(path).get_tensor([t.name for t in gguf.GGUFReader(path).tensors].index("output_norm.weight"))
    no_number = patched(raw, int(norm.data_offset) + 8, struct.pack("<f", float("nan")))
    for name, bad, words, checked in (("twice", twice, "a token is there twice", "a token is there twice"),
                                      ("nan", no_number, "a norm's weight is not a finite number", "holds values that are not finite")):
        (tmp_path / name).write_bytes(bad)
        done = subprocess.run([program(), tmp_path / name], input="hi\n", capture_output=True, text=True, timeout=20)
        assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
        assert any(checked in problem for problem in check(read_gguf(tmp_path / name)))


def test_hostile_files_cannot_hurt(exported, tmp_path):
    """A few thousand runs of the fuzzers under ASan and UBSan; `make -C kernels/host/slm fuzz` runs them for longer."""
    folder = program().parents[2] / "host" / "slm"
    build = subprocess.run(["make", "-s", "-C", folder, "../../build/slm/fuzz_gguf", "../../build/slm/fuzz_sentence"],
                           capture_output=True, text=True)
    assert build.returncode == 0, build.stderr[-2000:]
    shutil.copy(exported / "model" / "Q4_0.gguf", tmp_path / "seed")
    for name, runs in (("gguf", 300), ("sentence", 3000)):
        corpus = tmp_path if name == "gguf" else tmp_path / "none"
        corpus.mkdir(exist_ok=True)
        done = subprocess.run([program().parent / f"fuzz_{name}", f"-runs={runs}", "-seed=1", "-max_len=400000",
                               "-artifact_prefix=/dev/null", corpus], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr[-3000:]
