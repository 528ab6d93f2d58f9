"""Replies in every form become files; whatever is wrong with one is said in one line."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofsmith.tools.edits import read_reply
from proofsmith.tools.patches import EditError, diff

FILES = {
    "src/k.c": "int f(int x) {\n    int y = x;\n    return y;\n}\n",
    "src/k.h": "int f(int x);\n",
}
EDITABLE = ("src/k.c", "src/k.h")
NEW = "int f(int x) {\n    return x;\n}\n"


def edited(reply, files=FILES, editable=EDITABLE, **options):
    return read_reply(reply, files, editable, **options)


def complaint(reply, files=FILES, editable=EDITABLE, **options):
    with pytest.raises(EditError) as caught:
        edited(reply, files, editable, **options)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    "head",
    [
        "```c path=src/k.c",
        "``` path=src/k.c",
        '```c title="src/k.c"',
        "```c:src/k.c",
        "```src/k.c",
        "```c src/k.c",
        "```c path=k.c",
        "```c path=./src/k.c",
        "### src/k.c\n```c",
        "### `src/k.c`\n\n```c",
        "**src/k.c**:\n```c",
        "File: src/k.c\n```c",
        "Here is the new src/k.c:\n```c",
        "src/k.c\n~~~~c",
        "## File `k.c`\n```c",
    ],
)
def test_a_whole_file_is_found_however_its_name_is_written(head):
    fence = "~~~~" if "~~~~" in head else "```"
    reply = f"I drop the copy.\n{head}\n{NEW}{fence}\nThat is all.\n"
    assert edited(reply) == {**FILES, "src/k.c": NEW}


def test_the_only_editable_file_needs_no_name():
    assert edited(f"```c\n{NEW}```", editable=["src/k.c"])["src/k.c"] == NEW


def test_of_several_unnamed_blocks_the_longest_is_the_file():
    session = "make\n" * 99
    reply = f"```c\nint y;\n```\nso\n```c\n{NEW}```\nrun\n```bash\n{session}```\n"
    assert edited(reply, editable=["src/k.c"])["src/k.c"] == NEW


def test_several_files_in_one_reply():
    reply = f"### src/k.c\n```c\n{NEW}```\n### src/k.h\n```c\nint f(int);\n```\n"
    assert edited(reply) == {"src/k.c": NEW, "src/k.h": "int f(int);\n"}


def test_a_longer_fence_may_hold_fences():
    text = "/*\n```\n*/\n"
    assert edited(f"````c path=src/k.c\n{text}````")["src/k.c"] == text


REPLACE = "<<<<<<< SEARCH\n    int y = x;\n    return y;\n=======\n    return x;\n>>>>>>> REPLACE\n"


@pytest.mark.parametrize(
    "reply",
    [
        f"src/k.c\n{REPLACE}",
        f"```c path=src/k.c\n{REPLACE}```",
        f"```c\nsrc/k.c\n{REPLACE}```",
        f"### src/k.c\n```\n{REPLACE}```",
        f"src/k.c\n```c\n{REPLACE}```",
    ],
)
def test_search_and_replace_blocks(reply):
    assert edited(reply)["src/k.c"] == NEW


def test_search_and_replace_in_sequence_sees_earlier_replacements():
    second = "<<<<<<< SEARCH\n    return x;\n=======\n    return 1 * x;\n>>>>>>> REPLACE\n"
    assert "1 * x" in edited(f"src/k.c\n{REPLACE}\n{second}")["src/k.c"]


def test_a_block_replaced_by_nothing_is_deleted():
    reply = "src/k.c\n<<<<<<< SEARCH\n    int y = x;\n=======\n>>>>>>> REPLACE\n"
    assert "int y" not in edited(reply)["src/k.c"]


def test_a_file_without_a_last_newline_keeps_its_end():
    reply = "a\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE"
    assert edited(reply, {"a": "x\nz"}, ["a"]) == {"a": "y\nz"}


PATCH = """--- a/src/k.c
+++ b/src/k.c
@@ -1,4 +1,3 @@
 int f(int x) {
-    int y = x;
-    return y;
+    return x;
 }
"""


@pytest.mark.parametrize(
    "reply",
    [
        f"```diff\n{PATCH}```",
        PATCH,
        f"So:\n\n{PATCH}",
        f"```\n{PATCH}```",
        diff(FILES, {**FILES, "src/k.c": NEW}),
    ],
)
def test_unified_diffs(reply):
    assert edited(reply)["src/k.c"] == NEW


TEXT = st.lists(st.text("ab {};", max_size=6), min_size=1, max_size=30).map(
    lambda ls: "\n".join(ls) + "\n"
)


@given(TEXT, TEXT)
@settings(max_examples=150, deadline=None)
def test_a_fenced_diff_of_any_change_is_carried_out(before, after):
    if before != after:
        reply = f"```diff\n{diff({'f.c': before}, {'f.c': after})}```"
        assert edited(reply, {"f.c": before}, ["f.c"]) == {"f.c": after}


@pytest.mark.parametrize(
    "reply", [f"```c path=src/k.c\n{NEW}```", f"src/k.c\n{REPLACE}", f"```diff\n{PATCH}```"]
)
@pytest.mark.parametrize("reply_ends", ["\n", "\r\n"])
def test_windows_line_ends_of_a_file_are_kept(reply, reply_ends):
    files = {path: text.replace("\n", "\r\n") for path, text in FILES.items()}
    found = edited(reply.replace("\n", reply_ends), files)
    assert found == {**files, "src/k.c": NEW.replace("\n", "\r\n")}


def test_a_new_file_is_made_only_when_that_is_allowed():
    reply = "```c path=src/new.c\nint g;\n```"
    assert edited(reply, create=True)["src/new.c"] == "int g;\n"
    assert "src/new.c is not one of the files; editable: src/k.c" in complaint(reply)


@pytest.mark.parametrize(
    "path", ["../x.c", "/etc/passwd", "src/../../x", "C:\\x", "a/.git/config", "src\\k.c"]
)
@pytest.mark.parametrize("create", [True, False])
def test_paths_that_leave_the_folder_are_refused(path, create):
    for reply in (
        f"```c path={path}\nint g;\n```",
        f"```diff\n--- /dev/null\n+++ {path}\n@@ -0,0 +1 @@\n+x\n```",
    ):
        assert "is not allowed" in complaint(reply, create=create)


def test_a_file_in_the_way_of_a_new_one_is_named():
    assert "cannot stand beside src/k.c" in complaint("```path=src/K.c\nx\n```", create=True)


def test_a_protected_file_may_be_shown_but_not_changed():
    shown = f"### src/k.h\n```c\n{FILES['src/k.h']}```\n### src/k.c\n```c\n{NEW}```\n"
    assert edited(shown, editable=["src/k.c"])["src/k.c"] == NEW
    changed = shown.replace("int f(int x);\n", "int f(long x);\n")
    assert "src/k.h may not be edited; editable: src/k.c" in complaint(
        changed, editable=["src/k.c"]
    )


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        ("", "holds no code block for src/k.c, src/k.h"),
        ("I would tile the loop.", "holds no code block"),
        (f"```c\n{NEW}```", "no code block names its file: write path=NAME after ```"),
        (f"```c path=src/k.c\n{NEW}", "breaks off inside a code block"),
        (f"```c path=src/k.c\n{FILES['src/k.c']}```", "changes nothing"),
        (REPLACE, "SEARCH block 1 does not say which file"),
        (f"src/k.c\n{REPLACE.replace('return y', 'return z')}", "no line reads 'return z;'"),
        (f"src/k.c\n{REPLACE.replace('    return y', '  return y')}", "only its blanks differ"),
        (f"src/k.c\n{REPLACE.replace('>>>>>>> REPLACE', '')}", "not closed by a >>>>>>> REPLACE"),
        (f"src/k.c\n{REPLACE.replace('=======', '')}", "SEARCH, =======, REPLACE in order"),
        ("src/k.c\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE", "is empty but the file is not"),
        ("```diff\n-a\n+b\n```", "the diff names no file"),
        (f"```diff\n{PATCH.replace('int y', 'int z')}```", "src/k.c: hunk 1"),
        (
            "```diff\n--- a/src/k.h\n+++ /dev/null\n@@ -1 +0,0 @@\n-int f(int x);\n```",
            "deletes src/k.h",
        ),
        ("```c path=src/other.c\nint x;\n```", "src/other.c is not one of the files"),
    ],
)
def test_what_is_wrong_with_a_reply_is_said_in_one_line(reply, line):
    assert line in complaint(reply)


def test_a_search_text_that_occurs_twice_is_not_guessed():
    reply = "a\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE"
    assert "stands in 2 places" in complaint(reply, {"a": "x\nz\nx\n"}, ["a"])


@given(st.text("`~-+@<>=SEARCHREPLACE \n/dev/null.ac:path", max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_and_never_crashes(reply):
    try:
        found = edited(reply)
    except EditError:
        return
    assert found.keys() == FILES.keys()


@pytest.mark.parametrize(
    "piece",
    [
        "<<<<<<< SEARCH\n",
        "```c\n",
        "--- a\n+++ b\n",
        "=======\n<<<<<<< SEARCH\n>>>>>>> REPLACE\n",
        "@@\n",
        "path=a/b.c\n",
        "{[",
    ],
)
def test_hostile_replies_take_little_time(piece):
    begun = time.process_time()
    complaint((piece * 40_000)[:400_000])
    assert time.process_time() - begun < 2


def test_a_block_without_a_language_is_the_only_editable_file():
    assert read_reply("```\nint f;\n```", {"a.c": "int g;\n"}, ["a.c"]) == {"a.c": "int f;\n"}
