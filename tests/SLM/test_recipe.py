"""Recipes: what they may say, how they grow stage by stage, and what the judge holds against a model."""

import json
import shutil

import pytest

from SLM import judge, recipe
from SLM.errors import SlmError
from tests.SLM.conftest import slm

WHOLE = """\
[data]
size = 1500

[architecture]
config = "debug"
parameters = 279232

[training]
steps = 8

[evaluation]
limit = 30
min_macro_f1 = { test_families = 0.01 }

[quantization]
max_flips = 0.2

[export]
onnx = "int8"
engines = ["torch", "onnx", "host"]
rows = 12
agree = 0.8
"""


def written(folder, text, name="small"):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("text", "says"), [
    ("", r"expected the table \[data\]"),
    ("[training]\nsteps = 3", r"expected the table \[data\] before"),
    ("[data]\nsize = 600\n[training]\nsteps = 3", r"expected the table \[architecture\] before"),
    ("[data]\nsize = 600\n[magic]", r"unknown table \[magic\]"),
    ("[data]\nsize = 600\nsource = 1", "unknown key 'source'"),
    ("[data]\nsize = true", "expected int, found True"),
    ("[data]\nsize = 99999999", "expected 500 to 1000000"),
    ("[data]\nseed = 1", "size"),
    ('[data]\nsize = 600\n[architecture]\nconfig = "../../x"', "expected the name of a configuration"),
    ("[data", "not valid TOML"),
    ("#" * 70_000, "expected at most 65536 bytes"),
])
def test_a_recipe_that_is_not_right_is_refused_in_one_line(tmp_path, text, says):
    with pytest.raises(SlmError, match=says) as refused:
        recipe.load(written(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_a_recipe_grows_by_its_tables(tmp_path):
    parts = WHOLE.split("\n\n")
    stages = [recipe.load(written(tmp_path, "\n\n".join(parts[:count]))).stage for count in range(1, 7)]
    assert stages == list(recipe.STAGES[:6])


def test_integration_is_written_once_and_only_for_a_place_of_its_own(tmp_path):
    path = written(tmp_path, WHOLE)
    recipe.integrated(path, recipe.MODELS / "small", "a" * 64, 10)
    recipe.integrated(path, recipe.MODELS / "small", "b" * 64, 11)
    assert path.read_text().count("[integration]") == 1
    assert recipe.load(path).integration == recipe.Integration("SLM/models/small", "b" * 64, 11)
    recipe.integrated(path, recipe.MODELS, "c" * 64, 12)
    assert recipe.load(path).integration.place == "SLM/models"
    with pytest.raises(SlmError, match="expected SLM/models or SLM/models/small"):
        recipe.integrated(path, recipe.MODELS / "other", "a" * 64, 10)
    with pytest.raises(SlmError, match=r"ends with \[export\]"):
        recipe.integrated(written(tmp_path, "[data]\nsize = 600\n"), recipe.MODELS, "a" * 64, 10)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The whole recipe carried out, its tests beside it."""
    folder = tmp_path_factory.mktemp("recipe")
    _, told, _ = slm("make-recipe", written(folder, WHOLE), "--output", folder / "made")
    assert told["ok"] and told["parameters"] == 279232 and told["training"]["steps"] == 8
    slm("build-dataset", "--output", folder / "tests", "--size", "1500")
    return folder


def judged(made, *more, check=True):
    return slm("judge-recipe", made / "small.toml", "--made", made / "made", "--data", made / "tests", *more, check=check)


def test_a_model_that_is_there_is_not_trained_again(made, capsys):
    before = (made / "made" / "model" / "model.safetensors").stat().st_mtime_ns
    _, told, said = slm("make-recipe", made / "small.toml", "--output", made / "made")
    assert told["ok"] and "train-model" not in said
    assert (made / "made" / "model" / "model.safetensors").stat().st_mtime_ns == before


def test_a_model_stands_beside_the_one_that_ships_on_the_same_rows(made):
    _, told, _ = judged(made, "--ship", made / "ship")
    rows = {(row["split"], row["name"]): row for row in told["figures"]}
    one = rows["test_families", "macro_f1"]
    assert one["main"] > one["candidate"] and one["rules"] is not None and ("test_noise", "macro_f1 typo") in rows
    assert told["regressions"] and set(told["agreement"]) == {"torch", "onnx", "host"} and len(told["curve"]) == 8
    assert json.loads((made / "ship" / "manifest.json").read_text())["sha256"] == told["sha256"]
    assert told["asked"] and all(len(one["logits"]) == 7 for one in told["asked"])


def test_a_floor_that_is_not_reached_is_a_problem(made):
    path = made / "small.toml"
    path.write_text(WHOLE.replace("0.01", "0.99"))
    status, told, _ = judged(made, "--ship", made / "none", check=False)
    path.write_text(WHOLE)
    assert status == 1 and "expected a macro-F1 of at least 0.99" in told["problems"][0]
    assert not (made / "none").exists(), "what has a problem is not made ready to ship"


def test_a_damaged_file_is_opened_by_nobody(made):
    gguf = made / "made" / "slm.gguf"
    whole = gguf.read_bytes()
    gguf.write_bytes(whole[:-4000])
    status, told, _ = judged(made, check=False)
    gguf.write_bytes(whole)
    assert status == 1 and told["problems"][0].startswith("export: ") and not told["figures"]


def test_tests_that_were_learnt_are_left_out_and_many_are_a_leak(made, tmp_path):
    shutil.copytree(made / "tests", tmp_path / "tests")
    rows = (tmp_path / "tests" / "test_families.jsonl").read_text().splitlines()
    learnt = tmp_path / "data"
    learnt.mkdir()
    (learnt / "train.jsonl").write_text(rows[0] + "\n")
    assert judge._unlearnt(learnt, tmp_path / "tests", tmp_path / "left") == []
    assert len((tmp_path / "left" / "test_families.jsonl").read_text().splitlines()) == len(rows) - 1
    (learnt / "train.jsonl").write_text("\n".join(rows[: len(rows) // 10]) + "\n")
    [problem] = judge._unlearnt(learnt, tmp_path / "tests", tmp_path / "left")
    assert "test_families" in problem and "learnt" in problem
