"""The GGUF validator: what llama.cpp refuses it refuses, and hostile bytes only ever give a clear error."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SLM.errors import SlmError
from SLM.gguf_read import check, parse
from tests.SLM.conftest import slm


@pytest.fixture(scope="module")
def good(exported) -> bytes:
    return (exported / "model" / "Q4_0.gguf").read_bytes()


def test_our_file_is_valid_and_llama_cpp_loads_it(exported):
    _, report, _ = slm("validate-gguf", exported / "model" / "Q8_0.gguf", "--load")
    assert report["ok"] and report["types"] == ["F32", "Q8_0"] and report["vocab"] == 512


@pytest.mark.parametrize("place, value, word", [(0, b"GGML", "magic"), (4, struct.pack("<I", 2), "version"),
                                                (8, struct.pack("<Q", 1 << 40), "at most"), (16, struct.pack("<Q", 1 << 60), "at most")])
def test_a_wrong_header_is_refused(good, place, value, word):
    with pytest.raises(SlmError, match=word):
        parse(good[:place] + value + good[place + len(value):])


def test_a_cut_file_is_refused(good):
    for size in (0, 3, 23, 100, 5000, len(good) - 4096):
        with pytest.raises(SlmError):
            parse(good[:size])


def test_a_missing_tensor_is_named(good):
    g = parse(good)
    del g.tensors["blk.0.attn_q.weight"]
    assert any("blk.0.attn_q.weight" in problem for problem in check(g))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_flipped_bytes_never_crash(good, data):
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, 20000))] = data.draw(st.integers(0, 255))
    try:
        check(parse(bytes(raw)))
    except SlmError:
        pass


def test_bad_input_is_one_line_and_a_status(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    status, _, err = slm("validate-gguf", tmp_path / "x.gguf", check=False, process=True)
    assert status == 2 and err.startswith("slm: error: ") and err.count("\n") == 1
    for bad in (("train-model", "--config", "nosuch", "--data", tmp_path, "--output", tmp_path / "o"),
                ("classify", "--engine", "nosuch", "--input", tmp_path / "x", "--output", tmp_path / "y"),
                ("analyze-dataset", "--data", tmp_path)):
        status, _, err = slm(*bad, check=False)
        assert status == 2 and "expected" in err and "Traceback" not in err
