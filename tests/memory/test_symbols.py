"""Files are cut into symbols in five languages, and what a symbol uses is found across files."""

from pathlib import Path

import pytest

from proofsmith.memory.symbols import Index, cut

FOLDER = Path(__file__).parents[1] / "fixtures" / "memory" / "symbols"
NAMES = {
    "a.py": ["a", "area", "Shape"],
    "b.c": ["b", "twice", "four"],
    "c.cpp": ["Box", "wide"],
    "d.v": ["d", "adder", "top"],
    "e.sql": ["orders", "big"],
    "f.txt": ["f"],
}


@pytest.mark.parametrize("path", NAMES)
def test_each_language_is_cut_at_its_definitions_and_no_line_is_lost(path):
    text = (FOLDER / path).read_text()
    symbols = cut(path, text)
    assert [s.name for s in symbols] == NAMES[path]
    kept = "\n".join(s.text for s in symbols)
    assert all(line.strip() in kept for line in text.splitlines())


@pytest.mark.parametrize(
    ("path", "root", "used"),
    [
        ("a.py", "Shape", "area"),
        ("b.c", "four", "twice"),
        ("c.cpp", "wide", "Box"),
        ("d.v", "top", "adder"),
        ("e.sql", "big", "orders"),
    ],
)
def test_a_symbol_leads_to_what_it_uses(path, root, used):
    index = Index({path: (FOLDER / path).read_text()})
    names = {s.name: d for s, d in index.reach([root]).items()}
    assert names[root] == 0
    assert names[used] == 1


def test_distance_grows_along_calls_across_files_and_what_is_unrelated_stays_out():
    files = {
        "one.py": "from two import g\ndef f():\n    return g()\n",
        "two.py": "from three import h\ndef g():\n    return h()\n",
        "three.py": "def h():\n    return 7\n",
        "other.py": "def unrelated():\n    return f()\n",
    }
    reached = {s.name: d for s, d in Index(files).reach(["f"]).items()}
    assert reached["f"] == 0
    assert reached["g"] == 1
    assert reached["h"] == 2
    assert "unrelated" not in reached


def test_broken_source_is_still_one_piece():
    assert "".join(s.text for s in cut("x.py", "def f(:\n  oops(")).count("oops") == 1
