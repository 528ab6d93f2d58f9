"""Put one stated call to a candidate: what it gives against what the base allows, both really run."""

from proofsmith.domains.kernels import judging, stated
from proofsmith.domains.kernels.climb import Climb
from proofsmith.domains.kernels.compile import Compiler
from proofsmith.domains.kernels.contract import Contract
from proofsmith.domains.kernels.oracle import Oracle
from proofsmith.domains.kernels.remedy import remedy
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Depth, Problem


async def probe(
    problem: Problem,
    contract: Contract,
    candidate: Candidate,
    text: str,
    sandbox: Sandbox,
    *,
    compiler: Compiler,
    oracle: Oracle,
) -> str:
    """Return the report on what goes wrong with the call that `text` states, empty when nothing does.

    Raises:
        UsageError: the call cannot be read, the contract does not allow it, the base fails on it, or the candidate
            does not compile: it says nothing about the candidate.
    """
    case = stated.read(contract, text)
    build = await compiler.kernel(problem, candidate, sandbox)
    if build.binary is None:
        raise UsageError(f"the candidate does not compile: {build.error}")
    climb = Climb(
        problem=problem,
        contract=contract,
        candidate=candidate,
        sandbox=sandbox,
        depth=Depth.QUICK,
        seed=0,
        compiler=compiler,
        oracle=oracle,
        build=build,
        cases=await oracle.expected([case], sandbox, needed=True),
    )
    ran = await climb.run(build, climb.calls)
    complaint = judging.complaint(climb, ran)
    return await remedy(climb, ran, complaint) if complaint else ""
