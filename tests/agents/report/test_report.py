"""Reports are written whole, read back strictly, and show hostile text harmlessly."""

import base64
import dataclasses
import hashlib
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from proofsmith.agents import report as reports
from proofsmith.agents.report import records
from proofsmith.agents.report.page import page
from proofsmith.errors import StoreError
from proofsmith.types import Conclusion, Goal

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "report" / "matmul.json"


@pytest.fixture
def text():
    return FIXTURE.read_text()


@pytest.fixture
def report(text):
    return records.from_json(text)


def test_a_report_survives_the_trip_through_json(report):
    assert records.from_json(records.to_json(report)) == report


def test_numbers_that_json_cannot_hold_become_text(report):
    best = dataclasses.replace(report.best.comparisons[0], high=float("inf"))
    kept = dataclasses.replace(report, best=dataclasses.replace(report.best, comparisons=(best,)))
    assert records.from_json(records.to_json(kept)) == kept


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(schema_version=2), "schema version 2"),
        (lambda d: d.update(extra=1), "extra"),
        (lambda d: d["report"].pop("run_id"), "report.run_id"),
        (lambda d: d["report"].update(verdict="faster"), "report.verdict"),
        (lambda d: d["report"]["best"]["verdict"].update(stars=5), "report.best.verdict.stars"),
        (lambda d: d["report"]["best"]["verdict"].update(status="great"), "status"),
        (lambda d: d["report"]["best"]["verdict"].update(status="proved"), "weakest evidence"),
        (lambda d: d["report"]["best"]["verdict"].update(evidence=[]), "needs evidence"),
    ],
)
def test_an_edited_report_is_refused_and_the_place_named(text, change, message):
    document = json.loads(text)
    change(document)
    with pytest.raises(StoreError, match=message):
        records.from_json(json.dumps(document))


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '{"schema_version": 1}'])
def test_a_cut_report_is_refused(broken):
    with pytest.raises(StoreError):
        records.from_json(broken)


def test_a_run_folder_holds_the_four_files_and_the_report_comes_back(report, tmp_path):
    reports.write(report, tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"REPLAY.md", "patch.diff", "report.html", "report.json", "base", "candidate"}
    base, best = (tmp_path / "run" / side / "matmul.c" for side in ("base", "candidate"))
    assert base.read_text() == report.problem.files["matmul.c"]
    assert best.read_text() == report.best.candidate.files["matmul.c"]
    assert reports.load(tmp_path / "run") == report


def test_a_folder_that_cannot_be_written_is_a_store_error_and_leaves_nothing_half(report, tmp_path):
    (tmp_path / "run").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot write"):
        reports.write(report, tmp_path / "run")


def test_the_patch_turns_the_original_into_the_best_version(report, tmp_path):
    reports.write(report, tmp_path)
    (tmp_path / "matmul.c").write_text(report.problem.files["matmul.c"])
    subprocess.run(["git", "apply", "patch.diff"], cwd=tmp_path, check=True, timeout=30)
    assert (tmp_path / "matmul.c").read_text() == report.best.candidate.files["matmul.c"]


def test_a_gain_is_credited_to_every_step_that_led_to_it(report):
    written = dataclasses.replace(report.best.candidate, move="optimize:optimize-1", parents=())
    tuned = dataclasses.replace(
        written, settings={"cflags": ["-Os"]}, parents=(written.id,), move="rule:flags(-Os)"
    )
    known = [dataclasses.replace(report.best, candidate=c) for c in (written, tuned)]
    told = dataclasses.replace(report, attempts=tuple(known), best=known[1])
    line = next(x for x in reports.six_lines(told) if x.startswith("made by"))
    assert "model (optimize-1), then rule:flags(-Os)" in line


def test_the_summary_has_at_most_six_lines_and_names_gain_interval_checks_and_replay(report):
    lines = reports.six_lines(report)
    assert len(lines) <= 6
    whole = "\n".join(lines)
    for words in ("12.7x", "interval", "tested", "differential", f"runs replay {report.run_id}"):
        assert words in whole


def test_a_run_that_found_nothing_says_why_not_and_claims_no_gain(report):
    nothing = dataclasses.replace(
        report, conclusion=Conclusion.NONE, best=None, explanation=("at 97 % of the roofline",)
    )
    lines = "\n".join(reports.six_lines(nothing))
    assert "nothing better found" in lines
    assert "97 % of the roofline" in lines
    assert "faster" not in lines
    assert "x faster" not in page(nothing)


@pytest.mark.parametrize(
    ("low", "high", "words", "mark"),
    [
        (66.0, None, "at least", "\N{GREATER-THAN OR EQUAL TO}"),
        (None, 70.8, "at most", "\N{LESS-THAN OR EQUAL TO}"),
    ],
)
def test_a_bound_is_never_told_as_a_ratio(report, low, high, words, mark):
    bound = dataclasses.replace(report.best.comparisons[0], ratio=70.8, low=low, high=high)
    best = dataclasses.replace(report.best, comparisons=(bound,))
    told = dataclasses.replace(report, best=best, attempts=(best,))
    whole = page(told)
    assert f">{words.capitalize()} 70.8x faster<" in whole
    assert f"{mark}70.8x" in whole
    assert ">70.8x" not in whole
    lines = "\n".join(reports.six_lines(told))
    assert f"improved, {words} 70.8x" in lines
    assert ("interval from 66.0x" in lines) == (low is not None)


class Reader(HTMLParser):
    """Collect tags, attributes and text as a browser would see them."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_self_contained_and_shows_candidate_text_as_text(report):
    source = page(report)
    reader = Reader()
    reader.feed(source)
    assert "script" not in reader.tags
    assert not {"img", "link", "iframe", "object", "form", "base"} & set(reader.tags)
    names = {name for name, _ in reader.attributes}
    assert not any(name.startswith("on") or name in {"src", "href", "style"} for name in names)
    assert "</style><script>alert(1)</script>" in "".join(reader.words)
    assert "http://" not in source.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in source


def test_the_policy_allows_exactly_the_style_sheet_of_the_page(report):
    source = page(report)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', source)[1]
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)[1]
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"style-src 'sha256-{allowed}'" in policy
    assert "unsafe" not in policy


def test_the_page_has_the_four_plots_the_diff_and_every_evidence_command(report):
    source = page(report)
    for title in ("Gain with interval", "Timing samples", "Roofline", "Attempts in order"):
        assert f"<title>{title}</title>" in source
    for item in report.best.verdict.evidence:
        assert item.check in source
        assert item.command[-1] in source


def test_attempts_at_a_proof_are_not_drawn_by_how_much_faster_they_are(report):
    problem = dataclasses.replace(report.problem, goal=Goal.SOLVE)
    proof = dataclasses.replace(report, problem=problem)
    assert "Attempts in order" in page(report)
    assert "Attempts in order" not in page(proof)


def test_a_smaller_area_is_a_gain_and_no_time(report):
    assert "times faster" in page(report)
    smaller = dataclasses.replace(
        report, problem=dataclasses.replace(report.problem, goal=Goal.AREA)
    )
    assert "times better" in page(smaller)
    assert "times faster" not in page(smaller)
    assert "x faster</div>" in page(report)
    assert "x better</div>" in page(smaller)
    assert "Timing samples" not in page(smaller)


def test_every_picture_is_well_formed(report):
    pictures = re.findall(r"<svg.*?</svg>", page(report), re.DOTALL)
    assert len(pictures) == 4
    for picture in pictures:
        ElementTree.fromstring(picture)


@pytest.mark.parametrize("ratio", [1e-9, 0.999, 1.0, 1e9])
def test_plots_take_extreme_ratios(report, ratio):
    best = dataclasses.replace(report.best.comparisons[0], ratio=ratio, low=ratio, high=ratio)
    extreme = dataclasses.replace(
        report, best=dataclasses.replace(report.best, comparisons=(best,)), attempts=()
    )
    assert "<svg" in page(extreme)
