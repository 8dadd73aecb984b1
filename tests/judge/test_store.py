"""Whose artifacts are believed, and what of them is unpacked."""

import zipfile

import pytest

from bot.slm import bring, judge, recipe, store

OURS = {"event": "workflow_dispatch", "path": ".github/workflows/auton-verify.yml"}
MADE = {"slm.gguf": b"model", "manifest.json": b"{}", "tokenizer.json": b"{}"}


class Shelf:
    """A forge's artifacts: one of a name, as its run and its content are said to be."""

    default_branch = "main"

    def __init__(self, about: dict, run: dict, content: dict, expired: bool = False):
        self.about, self.ran, self.content, self.expired = about, run, content, expired

    def artifacts(self, name: str) -> list[dict]:
        return [{"id": 1, "name": name, "expired": self.expired, "workflow_run": self.about}]

    def run(self, number: int) -> dict:
        return self.ran

    def download_artifact(self, number: int, target, most: int) -> None:
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in self.content.items():
                archive.writestr(name, content)


def shelf(about=None, run=None, content=None, **more) -> Shelf:
    usual = {"id": 7, "head_branch": "main", "repository_id": 1, "head_repository_id": 1}
    return Shelf({**usual, **(about or {})}, {**OURS, **(run or {})}, MADE if content is None else content, **more)


def test_what_our_verify_made_on_main_is_unpacked(tmp_path):
    assert store.fetch(shelf(), "slm-made-1", tmp_path / "a")
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == MADE


@pytest.mark.parametrize("other", [
    {"about": {"head_branch": "auton/g1/t2"}}, {"about": {"head_repository_id": 2}}, {"run": {"event": "pull_request"}},
    {"run": {"path": ".github/workflows/ci.yml"}}, {"expired": True}])
def test_what_anybody_else_has_uploaded_under_that_name_is_not(tmp_path, other):
    assert not store.fetch(shelf(**other), "slm-made-1", tmp_path / "a") and not (tmp_path / "a").exists()


@pytest.mark.parametrize("content", [
    {"slm.gguf": b"alone"}, {}, {**MADE, "manifest.json": b"x" * (5 << 20)}])
def test_an_archive_that_lacks_a_file_or_has_too_large_a_one_is_none(tmp_path, content):
    assert not store.fetch(shelf(content=content), "slm-made-1", tmp_path / "a")


def test_other_names_in_it_are_left_there(tmp_path):
    assert store.fetch(shelf(content={**MADE, "../out": b"x", "sub/slm.gguf": b"x", "/abs": b"x"}), "slm-made-1", tmp_path / "a")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(MADE)


class Files:
    """git, of one commit: paths with their blobs, and the text of the recipes."""

    def __init__(self, **files: str):
        self.files = {path.replace("__", "/"): text for path, text in files.items()}

    def __call__(self, *words: str) -> str:
        if words[0] == "show":
            return self.files[words[1].partition(":")[2]]
        return "".join(f"100644 blob {hash(text) & (1 << 160) - 1:040x}\t{path}\0" for path, text in self.files.items()
                       if path.startswith(words[-1] + "/"))


def keys(recipe_text: str, **files: str) -> recipe.Keys:
    git = Files(**{"SLM__recipes__a.toml": recipe_text, "SLM__train.py": "code", **files})
    return recipe.keys(git, "HEAD", recipe.read(git, "HEAD", "SLM/recipes/a.toml"))


TRAINED = '[data]\nsize = 600\n[architecture]\nconfig = "debug"\n[training]\nsteps = 5\n'


def test_a_key_names_all_that_a_model_is_made_from_and_nothing_else():
    base = keys(TRAINED)
    assert keys("# a comment\n" + TRAINED) == base
    assert keys(TRAINED + "[evaluation]\nlimit = 30\n") == base, "floors change no model"
    later = keys(TRAINED + '[evaluation]\nlimit = 30\n[quantization]\ntype = "Q8_0"\n')
    assert later.trained == base.trained and later.made != base.made
    assert keys(TRAINED.replace("5", "6")).trained != base.trained
    assert keys(TRAINED, SLM__train_py="x", **{"SLM__data__x.txt": "more data"}).trained != base.trained
    assert keys(TRAINED, **{"SLM__models__slm.gguf": "another", "SLM__recipes__b.toml": "[data]"}) == base
    assert keys('[data]\nsize = 600\n') == recipe.Keys("", "")


def test_a_place_is_one_of_two():
    def place(said: str) -> str:
        git = Files(**{"SLM__recipes__a.toml": f'{TRAINED}[integration]\nplace = "{said}"\nsha256 = "{"0" * 64}"\n'})
        return recipe.read(git, "HEAD", "SLM/recipes/a.toml").place

    assert [place(said) for said in ("SLM/models", "SLM/models/a", "SLM/models/b", "SLM", ".github/workflows", "SLM/models/../x")] \
        == ["SLM/models", "SLM/models/a", "", "", "", ""]


def test_no_link_of_the_repository_leads_the_way_out(tmp_path):
    (tmp_path / "work" / "SLM").mkdir(parents=True)
    (tmp_path / "work" / "SLM" / "build").symlink_to(tmp_path)
    assert not bring._plain(tmp_path / "work", tmp_path / "work" / "SLM" / "build" / "a" / "model")
    assert bring._plain(tmp_path / "work", tmp_path / "work" / "SLM" / "other" / "model")


def test_what_is_kept_of_a_judged_model_is_plain_files_of_its_own_folders(tmp_path):
    work, out, secret = tmp_path / "work", tmp_path / "out", tmp_path / "secret"
    for folder in (work / "model", out, secret):
        folder.mkdir(parents=True)
    for name in (*store.FILES["trained"], *store.FILES["made"]):
        (secret / name).write_text("a secret")
    (out / "ship").symlink_to(secret)  # the folder itself leads the way out
    linked, *plain = store.FILES["trained"]
    (work / "model" / linked).symlink_to(secret / linked)
    for name in plain:
        (work / "model" / name).write_text("made")
    judge._keep(work, out, recipe.Keys("trained", "made"), kept=False, judged={})
    assert not (out / "made").exists()
    assert {path.name: path.read_text() for path in (out / "trained").iterdir()} == dict.fromkeys(plain, "made")
