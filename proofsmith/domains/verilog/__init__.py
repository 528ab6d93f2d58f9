"""Verilog and SystemVerilog designs: written, repaired and optimised with equivalence that is proved."""

from proofsmith.spec import DomainSpec, Option, Probe
from proofsmith.types import Status

SPEC = DomainSpec(
    name="verilog",
    summary="Verilog designs: equivalence proofs on the product machine, simulation, area, delay and power",
    suffixes=(".v", ".sv", ".md"),
    entry="proofsmith.domains.verilog.domain:VerilogDomain",
    options=(
        Option(name="top", help="module to judge or improve", metavar="NAME"),
        Option(name="clock", help="clock input, when it cannot be told", metavar="NAME"),
        Option(name="reset", help="reset input, NAME:0 when active low", metavar="NAME[:LEVEL]"),
        Option(name="files", help="further source or header file", kind="path", many=True),
        Option(name="include", help="folder searched for `include", kind="path", many=True),
        Option(name="define", help="macro NAME[=VALUE]", metavar="MACRO", many=True),
        Option(name="parameter", help="parameter NAME=VALUE of the top", metavar="P", many=True),
        Option(name="testbench", help="bench that instantiates the top", kind="path"),
        Option(name="reference", help="design that says what is right", kind="path"),
        Option(name="by-bench", help="let the bench say what is right, not BASE", kind="flag"),
        Option(name="valid", help="compare DATA only while VALID is 1", metavar="D=V", many=True),
        Option(name="latency", help="outputs may come this many cycles later", kind="integer"),
        Option(
            name="examples", help="folder of designs; a model sees those like yours", kind="path"
        ),
        Option(name="liberty", help="cell library for area, delay and power", kind="path"),
    ),
    probes=(
        Probe(
            name="yosys",
            command=("yosys", "-V"),
            install="apt-get install yosys",
            purpose="read, elaborate and synthesise designs",
        ),
        Probe(
            name="yosys-abc",
            command=("yosys-abc", "-c", "version"),
            install="apt-get install yosys berkeley-abc",
            purpose="prove and refute equivalence, map to cells",
        ),
        Probe(
            name="iverilog",
            command=("iverilog", "-V"),
            install="apt-get install iverilog",
            purpose="four-state simulation of benches and counter-examples",
        ),
        Probe(
            name="verilator",
            command=("verilator", "--version"),
            install="apt-get install verilator",
            purpose="long two-state simulation and coverage",
            needed=False,
        ),
        Probe(
            name="z3",
            command=("z3", "--version"),
            install="apt-get install z3",
            purpose="assertions that do not reduce to gates",
            needed=False,
        ),
        Probe(
            name="dot",
            command=("dot", "-V"),
            install="apt-get install graphviz",
            purpose="schematics in the report",
            needed=False,
        ),
    ),
    required=Status.PROVED,
    products=True,
    encodings=("utf-8", "latin-1"),
)
