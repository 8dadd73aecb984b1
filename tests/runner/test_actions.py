"""checkout and artifacts, with real git and real files."""

import textwrap

import pytest

from tests.runner.host import CHECKOUT, DOWNLOAD, UPLOAD, git


def workflow(steps, permissions="{contents: read}"):
    return (f"on: push\npermissions: {permissions}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
            + textwrap.indent(textwrap.dedent(steps), "      "))


def test_checkout_is_shallow_on_the_branch_and_can_push(forge):
    forge.host.commit({"old": "1"})
    run = forge.push(workflow(f"""
        - {{id: c, uses: {CHECKOUT}}}
        - run: |
            git log --oneline | wc -l; git status -sb; git rev-parse --is-shallow-repository; git branch -r
            git remote get-url origin; git config --get-all http.{forge.host.url}/.extraheader
            echo "commit ${{{{ steps.c.outputs.commit }}}}"
    """))
    log = forge.log(run)
    assert "\n1\n## main...origin/main\ntrue\n" in log and f"commit {run['sha']}" in log
    assert f"{forge.host.url}/you/os.git" in log and "AUTHORIZATION: basic ***" in log


def test_checkout_of_all_history_and_without_credentials(forge):
    forge.host.commit({"old": "1"}, branch="side")
    run = forge.push(workflow(f"""
        - uses: {CHECKOUT}
          with: {{fetch-depth: 0, persist-credentials: false}}
        - run: |
            git log --oneline | wc -l; git branch -r; git fsck --connectivity-only
            grep -c extraheader .git/config || echo no credential
    """))
    assert run["conclusion"] == "success", forge.notes(run)
    assert "\n2\n" in forge.log(run) and "origin/side" in forge.log(run) and "no credential" in forge.log(run)


def test_checkout_beside_and_of_a_commit_a_branch_a_tag(forge):
    sha = forge.host.commit({"file": "side"}, branch="side")
    git("tag", "v1", cwd=forge.host.tree)
    git("push", "-q", "origin", "v1", cwd=forge.host.tree)
    forge.host.commit({"file": "main"})
    run = forge.push(workflow("\n".join(f"""
        - uses: {CHECKOUT}
          with: {{ref: '{ref}', path: in/{number}}}
        - run: "echo {number} $(cat in/{number}/file) $(git -C in/{number} branch --show-current)"
    """ for number, ref in enumerate((sha, "side", "v1", "refs/heads/side", "")))))
    log = forge.log(run)
    assert "\n0 side\n1 side side\n" not in log  # each stands in its own step
    for line in ("\n0 side", "\n1 side side", "\n2 side", "\n3 side side", "\n4 main main"):
        assert line in log


def test_checkout_of_a_part(forge):
    forge.host.commit({"top": "1", "in/side/x": "1", "out/y": "1"})
    run = forge.push(workflow(f"""
        - uses: {CHECKOUT}
          with: {{sparse-checkout: "in/side\n\n", path: cone}}
        - uses: {CHECKOUT}
          with: {{sparse-checkout: "/out/", sparse-checkout-cone-mode: false, path: globs}}
        - run: for at in cone globs; do cd $at; echo $at $(find . -name .git -prune -o -type f -print | sort); cd ..; done
        - run: git -C cone status --porcelain; git -C cone fsck --connectivity-only
    """))
    assert run["conclusion"] == "success", forge.notes(run)
    log = forge.log(run)
    assert "\ncone ./in/side/x ./top\n" in log and "\nglobs ./out/y\n" in log


@pytest.mark.parametrize(("inputs", "expected"), [
    ("{ref: nowhere}", "A branch or tag with the name 'nowhere' could not be found"),
    ("{ref: '" + "0" * 40 + "'}", "git checkout failed"), ("{path: ../../out}", "is not under"),
    ("{submodules: true}", "does not have submodules"), ("{filter: x}", "does not have the input"),
    ("{fetch-depth: all}", "expected a number"), ("{repository: '../evil'}", "expected owner/name"),
    ("{ref: '--upload-pack=touch x'}", "could not be found"),
])
def test_checkout_refuses(forge, inputs, expected):
    run = forge.push(workflow(f"- uses: {CHECKOUT}\n  with: {inputs}"))
    assert run["conclusion"] == "failure" and expected in forge.notes(run) + forge.log(run)


def test_checkout_wants_the_right_to_read_contents(forge):
    run = forge.push(workflow(f"- uses: {CHECKOUT}", permissions="{issues: write}"))
    assert run["conclusion"] == "failure" and "contents: read" in forge.notes(run)


def test_a_checkout_leaves_the_bare_repository_alone(forge):
    before = git("for-each-ref", cwd=forge.host.bare("you/os"))
    forge.push(workflow(f"""
        - uses: {CHECKOUT}
        - run: |
            git config user.email a@b; git config user.name a; echo x > new; git add new; git commit -qm new
            git gc -q --prune=now; git branch -D main || true
    """))
    after = git("for-each-ref", cwd=forge.host.bare("you/os"))
    assert before == "" and after.endswith("refs/heads/main") and git("fsck", cwd=forge.host.bare("you/os")) == ""


def test_artifacts_up_and_down(forge):
    run = forge.push(f"""
on: push
jobs:
  up:
    strategy: {{matrix: {{n: [1, 2]}}}}
    runs-on: ubuntu-latest
    outputs: {{id: "${{{{ steps.u.outputs.artifact-id }}}}"}}
    steps:
      - run: |
          mkdir -p out/deep .hidden; echo ${{{{ matrix.n }}}} > out/deep/n${{{{ matrix.n }}}}.txt
          echo x > out/skip.log; echo h > out/.secret; echo t > "$RUNNER_TEMP/t.txt"
      - id: u
        uses: {UPLOAD}
        with:
          name: part-${{{{ matrix.n }}}}
          path: |
            out
            !out/*.log
      - uses: {UPLOAD}
        with: {{name: "temp-${{{{ matrix.n }}}}", path: "${{{{ runner.temp }}}}/*.txt"}}
  down:
    needs: up
    runs-on: ubuntu-latest
    steps:
      - uses: {DOWNLOAD}
        with: {{pattern: part-*, merge-multiple: true, path: merged}}
      - uses: {DOWNLOAD}
        with: {{name: part-1, path: one}}
      - uses: {DOWNLOAD}
        with: {{path: all}}
      - run: find . -type f | sort
""")
    assert run["conclusion"] == "success", forge.notes(run)
    listed = [line for line in forge.log(run, "down").splitlines() if line.startswith("./")]
    assert listed == ["./all/part-1/deep/n1.txt", "./all/part-2/deep/n2.txt", "./all/temp-1/t.txt",
                      "./all/temp-2/t.txt", "./merged/deep/n1.txt", "./merged/deep/n2.txt", "./one/deep/n1.txt"]


@pytest.mark.parametrize(("prepare", "inputs", "conclusion", "expected"), [
    ("true", "{path: none}", "success", "No files were found"),
    ("true", "{path: none, if-no-files-found: error}", "failure", "No files were found"),
    ("true", "{path: none, if-no-files-found: ignore}", "success", ""),
    ("touch a", "{path: a, name: 'b/c'}", "failure", "not valid"),
    ("touch a", "{path: a, nmae: b}", "failure", "does not have the input 'nmae'"),
    ("ln -s /etc/passwd a", "{path: a}", "failure", "leads out of the job's folder"),
    ("mkdir d; ln -s /etc d/e", "{path: d/e/hosts}", "failure", "leads out of the job's folder"),
    ("touch a", "{path: /etc/hosts}", "failure", "leads out of the job's folder"),
])
def test_upload_says_what_is_wrong(forge, prepare, inputs, conclusion, expected):
    run = forge.push(workflow(f"- run: {prepare}\n- uses: {UPLOAD}\n  with: {inputs}"))
    assert run["conclusion"] == conclusion and expected in forge.notes(run) and "root:" not in forge.log(run)


def test_an_artifacts_name_is_taken_once_unless_overwritten(forge):
    steps = (f"- run: touch a\n- uses: {UPLOAD}\n  with: {{path: a}}\n"
             f"- uses: {UPLOAD}\n  with: {{path: a, overwrite: WORD}}")
    run = forge.push(workflow(steps.replace("WORD", "false")))
    assert run["conclusion"] == "failure" and "(409) Conflict" in forge.notes(run)
    run = forge.push(workflow(steps.replace("WORD", "true")))
    assert run["conclusion"] == "success" and len(forge.scheduler.artifacts.of_run(run["id"])) == 1


def test_downloading_what_is_not_there_fails(forge):
    run = forge.push(workflow(f"- uses: {DOWNLOAD}\n  with: {{name: nothing}}"))
    assert run["conclusion"] == "failure" and "Artifact not found for name: nothing" in forge.notes(run)
