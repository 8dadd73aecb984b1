"""The engine inside each booted kernel: the host's very answers, limits, and what it says when there is no model."""

import shutil
import subprocess

import pytest

from SLM.data.build import read
from SLM.engines import NAMES, open_engine
from SLM.engines.kernel import KERNELS, Kernel
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
    assert "\nfail" not in engine.type("test slm.*")
    engine.close()


def test_torch_gives_the_same_answers(exported, texts):
    model = exported / "model" / "Q8_0.gguf"
    found = compare(answers("torch", model, texts), answers("host", model, texts))
    assert found["intents"] == 1 and found["median"] < 1e-3


def test_without_a_model_the_rules_answer_and_say_why(arch):
    machine = Kernel(arch)
    assert "rules: no model was handed over" in machine.type("slm")
    assert "rules 1000 SYSTEM_MANAGE restart nginx" in machine.type("slm restart nginx")
    machine.close()


@pytest.mark.parametrize("name, damage, why", [
    ("short", lambda raw: raw[:9000], "gguf: "), ("tensors", lambda raw: raw[:-4000], "gguf: a tensor lies outside the file"),
    ("scales", lambda raw: raw[:-64] + bytes([0, 0x7e] * 32), "slm: a scale of the weights is not a finite number")])
def test_a_damaged_model_leaves_the_rules_in_charge(exported, tmp_path, name, damage, why):
    path = tmp_path / f"{name}.gguf"
    path.write_bytes(damage((exported / "model" / "Q8_0.gguf").read_bytes()))
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
