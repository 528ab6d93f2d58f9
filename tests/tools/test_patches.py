"""Patches that we write are accepted by git and patch, and applied back they give the same files."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofsmith.tools.patches import EditError, apply, diff

LINE = st.text("ab -+@\\\r\f\x1c\u2028é", max_size=4)
TEXT = st.builds(
    lambda lines, last: "".join(f"{line}\n" for line in lines) + last, st.lists(LINE), LINE
)
PATH = st.sampled_from(["a.c", "dir/b.c", "with space.c", 'quo"te.c', "é.c", "b/b.c"])
FILES = st.dictionaries(PATH, TEXT, max_size=4)


@given(FILES, FILES)
@settings(max_examples=300, deadline=None)
def test_applying_a_diff_to_the_old_files_gives_the_new_ones(before, after):
    patch = diff(before, after)
    if before == after:
        assert patch == ""
    else:
        assert apply(patch, before) == after


CASES = {
    "changed": ("a\nb\nc\n", "a\nB\nc\n"),
    "newline lost": ("a\nb\n", "a\nb"),
    "newline gained": ("a\nb", "a\nb\n"),
    "changed without newline": ("a\nb", "a\nc"),
    "windows line ends": ("a\r\nb\r\n", "a\r\nc\r\n"),
    "line ends changed": ("a\r\nb\r\n", "a\nb\n"),
    "form feed": ("a\x0cb\nc\n", "a\x0cb\nd\n"),
    "lines that look like headers": ("-- x\n++ y\n", "++ y\n-- z\n@@ -1 +1 @@\n"),
    "new": (None, "a\n"),
    "new without newline": (None, "a"),
    "new and empty": (None, ""),
    "emptied": ("a\n", ""),
    "filled": ("", "a\n"),
    "deleted": ("a\nb\n", None),
    "empty one deleted": ("", None),
    "two hunks": (
        "".join(f"{n}\n" for n in range(40)),
        "".join(f"{n}{'x' * (n in (3, 30))}\n" for n in range(40)),
    ),
}
TOOLS = {"git": ["git", "apply", "-p1"], "patch": ["patch", "-p1", "--no-backup-if-mismatch", "-s"]}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", ["f.c", "dir/with space.c", "é.c", 'quo"te.c'])
def test_git_and_patch_accept_what_we_write(tmp_path, tool, name):
    before, after = {}, {}
    for number, (old, new) in enumerate(CASES.values()):
        path = f"case{number}/{name}"
        before |= {} if old is None else {path: old}
        after |= {} if new is None else {path: new}
    for path, text in before.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text.encode())
    patch = diff(before, after)
    subprocess.run(TOOLS[tool], input=patch.encode(), cwd=tmp_path, check=True, timeout=20)
    found = {
        str(path.relative_to(tmp_path)): path.read_bytes().decode()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert found == after
    assert apply(patch, before) == after


OLD = "one\ntwo\nthree\nfour\nfive\n"


@pytest.mark.parametrize(
    "header", ["@@ -2,3 +2,3 @@", "@@ -20,9 +1,1 @@ f()", "@@ -1 +1 @@", "@@ ... @@", "@@"]
)
def test_wrong_counts_and_places_in_a_header_do_not_matter_when_the_lines_fit_once(header):
    patch = f"--- a/f\n+++ b/f\n{header}\n two\n-three\n+drei\n four\n\n"
    assert apply(patch, {"f": OLD})["f"] == "one\ntwo\ndrei\nfour\nfive\n"


def test_hunks_fit_when_lines_were_added_above_them():
    lines = [f"{n}\n" for n in range(40)]
    changed = [line.replace("3\n", "three\n") for line in lines]
    patch = diff({"f": "".join(lines)}, {"f": "".join(changed)})
    assert apply(patch, {"f": "above\n" * 5 + "".join(lines)})["f"] == "above\n" * 5 + "".join(
        changed
    )


def test_context_at_the_end_of_a_file_without_newline_fits():
    patch = "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n a\n b\n+c\n"
    assert apply(patch, {"f": "a\nb"})["f"] == "a\nb\nc\n"


def test_lines_added_below_a_last_line_without_newline_stay_lines():
    patch = "--- a/f\n+++ b/f\n@@ -1,0 +2 @@\n+c\n"
    assert apply(patch, {"f": "b"})["f"] == "b\nc\n"


@pytest.mark.parametrize(
    ("patch", "line"),
    [
        (
            "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n one\n-zwei\n+x\n",
            "this line of it is not in the file: 'zwei'",
        ),
        ("--- a/f\n+++ b/f\n@@ -9 +9 @@\n one\n-three\n", "not next to each other"),
        ("--- a/g\n+++ b/g\n@@ -1 +1 @@\n-one\n+x\n", "the diff changes g, which does not exist"),
        ("--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n", "the diff creates f, which exists already"),
        ("--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n", "leaves lines of it"),
        ("@@ -1 +1 @@\n-one\n+x\n", "a hunk before any"),
        ("no diff at all", "names no file"),
    ],
)
def test_a_patch_that_does_not_fit_says_why_in_one_line(patch, line):
    with pytest.raises(EditError) as caught:
        apply(patch, {"f": OLD})
    assert line in caught.value.message
    assert "\n" not in caught.value.message


def test_a_hunk_that_fits_in_several_places_is_not_guessed():
    with pytest.raises(EditError, match="fits in 3 places"):
        apply("--- a/f\n+++ b/f\n@@ -9 +9 @@\n-x\n+y\n", {"f": "x\nx\nx\n"})
