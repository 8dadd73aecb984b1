"""The engine inside each booted kernel: the host's very answers, limits, and what it says when there is no model."""

import shutil
import subprocess

import pytest

from SLM.data.build import read
from SLM.engines import NAMES, open_engine
from SLM.engines.kernel import KERNELS, Kernel
from SLM.gguf_read import read as read_gguf
from tests.SLM.same_numbers import answers, compare, identical

ARCHS = sorted(path.parent.name for path in KERNELS.glob("*/arch.mk"))
QEMU = {"x86_64": "qemu-system-x86_64", "aarch64": "qemu-system-aarch64", "riscv64": "qemu-system-riscv64"}
pytestmark = pytest.mark.skipif(not all(map(shutil.which, ["clang", "ld.lld", *QEMU.values()])), reason="kernels need clang, lld and QEMU")
OTHER_PROCESSORS = {"aarch64": "-cpu max", "riscv64": "-cpu rv64,v=true", "x86_64": "-cpu qemu64"}


@pytest.fixture(scope="module", params=ARCHS)
def arch(request):
    done = subprocess.run(["make", "-s", "-C", KERNELS, f"ARCH={request.param}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return request.param


@pytest.fixture(scope="module")
def texts(exported):
    rows = read(exported / "data" / "test_families.jsonl")[:6]
    return [row["text"] for row in rows] + ["!", "", 'say "hi" \\ to \u00fcn\u00efc\u00f6de=80', "x" * 300, "\u2713 " * 70]


def test_each_architecture_has_its_engine():
    assert [name for name in NAMES if name.startswith("kernel:")] == sorted(f"kernel:{arch}" for arch in ARCHS) or \
        {name.partition(":")[2] for name in NAMES if ":" in name} == set(ARCHS)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0"])
def test_the_kernel_gives_the_host_s_numbers(exported, texts, arch, kind):
    model = exported / "model" / f"{kind}.gguf"
    host, kernel = (answers(name, model, texts) for name in ("host", f"kernel:{arch}"))
    assert identical(host, kernel)


def test_other_processors_give_the_same_numbers(exported, texts, arch):
    model = exported / "model" / "Q8_0.gguf"
    engine = open_engine(f"kernel:{arch}", model, extra=OTHER_PROCESSORS[arch])
    assert identical(answers("host", model, texts), [engine.classify(text) for text in texts])
    tests = engine.type("test slm")
    assert "every_kernel_gives_the_bits_of_scalar" in tests and "not ok" not in tests
    engine.close()


def test_torch_gives_the_same_answers(exported, texts):
    model = exported / "model" / "Q8_0.gguf"
    found = compare(answers("torch", model, texts), answers("host", model, texts))
    assert found["intents"] == 1 and found["median"] < 1e-4


def test_without_a_model_the_rules_answer_and_say_why(arch):
    machine = Kernel(arch)
    assert "rules: no model was handed over" in machine.type("slm")
    assert "rules 1000 SYSTEM_MANAGE restart nginx" in machine.type("slm restart nginx")
    machine.close()


def infinite_scale(raw: bytes, path) -> bytes:
    at = read_gguf(path).tensors["blk.0.ffn_up.weight"].offset
    return raw[:at] + b"\x00\x7c" + raw[at + 2:]


@pytest.mark.parametrize("damage, why", [
    (lambda raw, _: raw[:9000], "gguf: "), (lambda raw, _: raw[:-4000], "gguf: a tensor lies outside the file"),
    (infinite_scale, "slm: a scale of the weights is not a finite number")], ids=["short", "cut", "scale"])
def test_a_damaged_model_leaves_the_rules_in_charge(exported, tmp_path, damage, why):
    whole, path = exported / "model" / "Q8_0.gguf", tmp_path / "damaged.gguf"
    path.write_bytes(damage(whole.read_bytes(), whole))
    machine = Kernel("x86_64", path)
    assert f"rules: {why}" in machine.type("slm") and "rules 1000 SYSTEM_MANAGE" in machine.type("slm restart nginx")
    machine.close()


def test_a_model_too_large_for_the_memory_leaves_the_rules_in_charge(exported):
    machine = Kernel("x86_64", exported / "model" / "Q8_0.gguf", memory=12)
    assert "rules: the model needs more memory than there is in one stretch" in machine.type("slm")
    machine.close()


def test_an_answer_that_takes_too_long_is_given_by_rules(exported, arch):
    machine = Kernel(arch, exported / "model" / "Q8_0.gguf", words="slm_ms=0")
    assert "by rules: the model gave no answer in time" in machine.type("slm restart nginx")
    machine.close()
