"""What a gather plan may ask of the kernels domain: the contract in words, and what the compiler said of each loop."""

from pydantic import BaseModel, Field

from proofsmith.domains.kernels import inference, source
from proofsmith.domains.kernels.compile import Compiler
from proofsmith.domains.kernels.profile import REMARKS
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.tools import counters
from proofsmith.types import JSON, Candidate, Problem

MOST_REMARKS = 24


class Nothing(BaseModel):
    """No arguments."""


class Compiling(BaseModel):
    """Arguments of `remarks`."""

    flags: str = Field(
        default="-O3 -march=native", description="compiler flags, separated by blanks"
    )


class ContractFacts:
    """The contract that every version is judged by."""

    name = "contract"
    description = "sizes, arrays, ranges, aliasing and tolerance that every version is judged by"
    arguments: type[BaseModel] = Nothing

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return the header as text, the written one or the inferred one."""
        return inference.render(source.contract_of(problem))


class Remarks:
    """Which loops of the original the compiler turned into vectors, and why not the others."""

    name = "remarks"
    description = (
        "which loops of the original gcc vectorises under the given flags, and why not the others"
    )
    arguments: type[BaseModel] = Compiling
    repeatable = True

    def __init__(self, compiler: Compiler) -> None:
        """Compile with the domain's own compiler, which keeps its results."""
        self._compiler = compiler

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return one line per remark, in the order of the source; raises UsageError when nothing compiles."""
        flags = arguments.flags if isinstance(arguments, Compiling) else ""
        settings: dict[str, JSON] = {"cflags": list(flags.split())}
        original = Candidate(files=problem.files, settings=settings, move="original")
        build = await self._compiler.kernel(problem, original, sandbox, REMARKS["gcc"])
        if build.binary is None:
            raise UsageError(f"the original does not compile with '{flags}': {build.error}")
        said = sorted({(r.path, r.line, r.vectorised, r.text) for r in counters.remarks(build.log)})
        return [
            f"{path}:{line}: {text if vectorised else f'not vectorised: {text}'}"
            for path, line, vectorised, text in said[:MOST_REMARKS]
        ]
