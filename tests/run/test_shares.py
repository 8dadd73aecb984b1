"""The bot's own share: what is left of a run's time when others' spans are taken out."""

import json
import sqlite3
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from bot.handoff import ArchReport, Report, Result
from bot.run.shares import Meter
from bot.spans import covered

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (min(pair), max(pair))))


@given(SPANS, st.integers(-5, 15), st.integers(15, 40))
def test_what_spans_cover_is_counted_once(spans, begin, end):
    seconds = {second for first, last in spans for second in range(first, last) if begin <= second < end}
    assert covered(spans, begin, end) == len(seconds)


def test_a_run_s_shares_come_from_its_artifacts_and_jobs(tmp_path):
    (tmp_path / "actions" / "artifacts").mkdir(parents=True)
    meter = Meter(tmp_path)
    meter.begin -= 100
    begin = meter.begin
    result = Result(key="g1-t2-a1-developer", role="developer", goal=1, task=2, attempt=1, model="replay/x",
                    status="submitted", head_sha="0" * 40, waited=[(begin + 10, begin + 30)])
    archs = [ArchReport(arch=name, verdict="PASS", checks=[], waited=[(begin + 20, begin + 40)]) for name in ("left", "right")]
    report = Report(tree="0" * 40, verdict="PASS", archs=archs)
    for number, (name, part) in enumerate((("agent/result.json", result), ("report.json", report), ("report.json", None)), 1):
        with zipfile.ZipFile(tmp_path / "actions" / "artifacts" / f"{number}.zip", "w") as archive:
            archive.writestr(name.rpartition("/")[2], part.model_dump_json() if part else "{broken")
    with sqlite3.connect(tmp_path / "actions" / "runner.db") as db:
        db.executescript("""create table runs (id, repo); create table jobs (run_id, wall, cpu);
            create table artifacts (id integer primary key, repo, name);
            insert into runs values (1, 'you/auton'), (2, 'you/other');
            insert into jobs values (1, 30.0, 3.0), (1, 25.0, 2.0), (2, 1000.0, 1000.0);
            insert into artifacts values (1, 'you/auton', 'agent'), (2, 'you/auton', 'report-left right'),
                                         (3, 'you/auton', 'report-left right'), (4, 'you/other', 'agent');""")
    shares = meter.read("you/auton")
    assert (shares.agents, shares.verify, shares.each, shares.work) == (20.0, 20.0, 20.0, 15.0)
    assert 99.9 < shares.total < 105 and 69.9 < shares.alone < 75
    assert json.dumps(shares.lines()).count(" s") > 5


def test_without_a_runner_there_is_nothing_to_share(tmp_path):
    assert Meter(tmp_path).read("you/auton") is None
