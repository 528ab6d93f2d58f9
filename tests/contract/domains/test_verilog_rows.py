"""Rows 92 to 95: designs that touch files, announce their own success, never let time pass, or call C."""

import tomllib
from pathlib import Path

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.toolchain import BUILD_LIMITS, ToolResult, ToolStatus, iverilog
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth, Limits, Status, Verdict

pytestmark = pytest.mark.slow

ROWS = tomllib.loads(Path(__file__).with_name("verilog.toml").read_text())
SECRET = "5ec4e7"
HONEST = "assign y = ~a;"


def text(body: str) -> str:
    return f"module inverter(input a, output y);\n{body}\nendmodule\n"


async def judged(body: str) -> Verdict:
    reference, candidate = (
        Design(files={"design.v": text(part)}, top="inverter") for part in (HONEST, body)
    )
    return await prove(reference, candidate, await open_sandbox(), Depth.QUICK)


async def simulated(body: str, *outputs: str) -> ToolResult:
    """Run a design as it is, with nothing but the sandbox around it."""
    files = {"design.v": text(body), "secret.hex": SECRET}
    limits = Limits(wall_s=3.0, cpu_s=3.0, memory_mib=256, disk_mib=32)
    names = ["design.v"]
    return await iverilog(
        await open_sandbox(), names, files, limits, top="inverter", outputs=outputs
    )


@pytest.mark.parametrize("row", ROWS)
async def test_a_design_that_does_more_than_logic_is_refused(row: str) -> None:
    verdict = await judged(ROWS[row]["body"])
    assert verdict.status is Status.FAILED, verdict
    assert SECRET not in repr(verdict)


async def test_the_same_design_without_the_cheat_is_proved() -> None:
    assert (await judged(HONEST)).status is Status.PROVED


async def test_a_simulator_alone_lets_a_design_use_files_and_say_pass() -> None:
    """Otherwise the refusals would say nothing."""
    files = await simulated(ROWS["verilog_file_io"]["body"], "written.txt")
    assert files.outputs["written.txt"] == b"x\n"
    assert f"read {SECRET}" in files.stdout
    assert "PASS" in (await simulated(ROWS["verilog_pass_finish"]["body"])).stdout


async def test_a_simulator_alone_spins_until_its_limit_where_time_never_passes() -> None:
    stuck = await simulated(ROWS["verilog_zero_delay"]["body"])
    assert stuck.status is ToolStatus.LIMIT


async def test_verilator_alone_turns_a_design_into_a_program_that_calls_c() -> None:
    header = "obj_dir/Vinverter__Dpi.h"
    box = (await open_sandbox()).fresh()
    await box.write("design.v", text(ROWS["verilator_dpi"]["body"]).encode())
    build = ("verilator", "--cc", "--top", "inverter", "design.v")
    done = await box.exec(build, limits=BUILD_LIMITS, outputs=(header,))
    assert b"extern int system(const char*" in done.outputs[header], done.stderr
