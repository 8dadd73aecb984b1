"""Reading workflow files: what is there, and what is named as a problem, with its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.runner.workflow import WorkflowError, parse_workflow
from bot.runner.yamlfile import YamlError, load

HEAD = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"


def problems(text):
    return [str(problem) for problem in parse_workflow("w.yml", text).problems]


def step(text):
    return f"{HEAD}    steps:\n      - {text}\n"


def test_a_small_workflow_has_no_problems():
    assert problems(step("run: echo")) == []


@pytest.mark.parametrize(("text", "expected"), [
    (step("uses: actions/cache@" + "0" * 40), "w.yml:6: jobs.a.steps[1]: the local runner has the actions"),
    (step("uses: actions/checkout@v4"), "full 40-digit commit SHA"),
    (step("uses: docker://alpine"), "the local runner has the actions"),
    (step("{run: x, uses: ./y}"), "expected one of 'run' and 'uses'"),
    (step("name: x"), "expected one of 'run' and 'uses'"),
    (step("{run: x, shell: pwsh}"), "shells bash, sh, python, found 'pwsh'"),
    (step("{run: x, wiht: {}}"), "unexpected key 'wiht'"),
    (step("run: echo ${{ nope.x }}"), "Unrecognized named-value: 'nope'"),
    (step("run: echo ${{ success() }}"), "Unrecognized function: 'success'"),
    (step("{run: x, if: secrets.KEY}"), "Unrecognized named-value: 'secrets'"),
    (step("run: ${{ }}"), "An expression was expected"),
    (step("run: ${{ 'open"), "not closed"),
    (step("{run: x, id: 'a b'}"), "expected an id"),
    (step("{run: x, id: s}\n      - {run: y, id: s}"), "used twice"),
    (HEAD + "    container: alpine\n    steps: [{run: x}]\n",
     "w.yml:5: jobs.a: the local runner does not have 'container'"),
    (HEAD + "    services: {}\n    steps: [{run: x}]\n", "does not have 'services'"),
    (HEAD + "    needs: b\n    steps: [{run: x}]\n", "there is no job 'b'"),
    (HEAD + "    needs: a\n    steps: [{run: x}]\n", "need each other"),
    (HEAD + "    permissions: {content: read}\n    steps: [{run: x}]\n", "unexpected key 'content'"),
    (HEAD + "    permissions: {contents: admin}\n    steps: [{run: x}]\n", "expected read, write or none"),
    (HEAD + "    if: ${{ github.x }} && true\n    steps: [{run: x}]\n", "always true"),
    (HEAD + "    if: env.X\n    steps: [{run: x}]\n", "Unrecognized named-value: 'env'"),
    (HEAD, "expected a list of at least one step"),
    ("on: release\njobs: {a: {runs-on: x, steps: [{run: x}]}}", "does not have the event 'release'"),
    ("on: {push: {branch: main}}\njobs: {a: {runs-on: x, steps: [{run: x}]}}", "unexpected key 'branch'"),
    ("on: {schedule: [{cron: '61 * * * *'}]}\njobs: {a: {runs-on: x, steps: [{run: x}]}}", "expected 0 to 59"),
    ("on: {workflow_dispatch: {inputs: {x: {type: file}}}}\njobs: {a: {runs-on: x, steps: [{run: x}]}}",
     "expected a type out of"),
    ("on: push\njobs: {a: {runs-on: windows-latest, steps: [{run: x}]}}", "the local runner is Linux"),
    ("on: push\njobs: {a: {steps: [{run: x}]}}", "expected a runner's label"),
    ("on: push\njobs: {a: {uses: ./.github/workflows/x.yml}}", "does not have 'uses'"),
    ("on: push", "expected at least one job"),
    ("jobs: {a: {runs-on: x, steps: [{run: x}]}}", "on: expected at least one event"),
    ("on: push\nenvs: {}\njobs: {a: {runs-on: x, steps: [{run: x}]}}", "w.yml:2: workflow: unexpected key 'envs'"),
])
def test_a_problem_is_named_with_its_line(text, expected):
    assert expected in "\n".join(problems(text))


@pytest.mark.parametrize("text", ["a: b: c", "- 1", "", "a: 1\na: 2", "a: &x [*x]", "x: !!python/object:os.system {}",
                                  "a: 1\n---\nb: 2", "\0", "{" * 200])
def test_what_is_not_a_workflow_is_refused(text):
    with pytest.raises(WorkflowError, match=r"^w.yml:\d+: "):
        parse_workflow("w.yml", text)


def test_yaml_is_read_as_version_1_2():
    assert load("{on: yes, a: 012, b: 0o14, c: 2024-01-01, d: '1', e: ~, f: 1e3, g: True, h: .5}") == {
        "on": "yes", "a": 12, "b": 12, "c": "2024-01-01", "d": "1", "e": None, "f": 1000.0, "g": True, "h": 0.5}


def test_aliases_can_not_unfold_into_a_large_document():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(YamlError, match="too large"):
        load(bomb)


@given(st.text(max_size=80) | st.text("on:push jbs-{}[]'\"\n|>&*#${}0", max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_workflow_or_a_workflow_error(text):
    try:
        parse_workflow("w.yml", text)
    except WorkflowError:
        pass


def test_the_lint_command(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from bot.commands.workflow import command
    from bot.errors import ConfigError

    (tmp_path / "bad.yml").write_text(step("uses: actions/cache@v4"))
    (tmp_path / "worse.yml").write_text("a: [")
    result = CliRunner().invoke(command, ["lint", str(tmp_path / "bad.yml"), str(tmp_path / "worse.yml")])
    assert result.exit_code == 1
    assert "bad.yml:6: jobs.a.steps[1]" in result.output and "worse.yml:2: not YAML" in result.output
    (tmp_path / "good.yml").write_text(step("run: x"))
    assert CliRunner().invoke(command, ["lint", str(tmp_path / "good.yml")]).exit_code == 0
    monkeypatch.chdir(tmp_path)
    assert isinstance(CliRunner().invoke(command, ["lint"]).exception, ConfigError)
