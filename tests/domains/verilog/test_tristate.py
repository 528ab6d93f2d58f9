"""Outputs that are z: proved by what stands for z, tested where a switch drives them, refuted where they drive."""

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

HEAD = "module t(input a, oe, output y);"
REFERENCE = f"{HEAD} assign y = oe ? a : 1'bz; endmodule"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("wire n = ~oe; assign y = n ? 1'hz : a;", Status.PROVED),
        ("bufif1 (y, a, oe);", Status.TESTED),
        ("assign y = oe & a;", Status.FAILED),
        ("assign y = oe ? 1'bz : a;", Status.FAILED),
    ],
    ids=["z in the same cases", "a switch", "no z at all", "z in other cases"],
)
async def test_z_counts_as_a_value_of_its_own(body, status):
    sides = [
        Design(files={"t.sv": text}, top="t") for text in (REFERENCE, f"{HEAD} {body} endmodule")
    ]
    assert (await prove(*sides, await open_sandbox())).status is status
