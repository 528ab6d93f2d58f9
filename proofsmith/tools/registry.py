"""The calls that a plan or a model may make: look up by name, declare to an endpoint, read arguments."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel

from proofsmith.protocols import Tool
from proofsmith.tools.schema import Misfit, export, parse
from proofsmith.types import JSON, ToolCall


def declaration(tool: Tool) -> dict[str, JSON]:
    """Return the function declaration of `tool` in the form of the chat-completions interface."""
    parameters, strict = export(tool.arguments)
    function: dict[str, JSON] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
    }
    if strict:
        function["strict"] = True
    return {"type": "function", "function": function}


class Registry(Mapping[str, Tool]):
    """Tools by name, in the order given; two of one name are a programming error."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        """Keep `tools`; raises ValueError when a name occurs twice."""
        self._tools = {tool.name: tool for tool in tools}
        if len(self._tools) != len(tools):
            raise ValueError("two tools have the same name")

    def __getitem__(self, name: str) -> Tool:
        """Return the tool called `name`; raises KeyError."""
        return self._tools[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._tools)

    def __len__(self) -> int:
        """Count the tools."""
        return len(self._tools)

    def declarations(self) -> list[dict[str, JSON]]:
        """Return every tool as the chat-completions interface declares functions."""
        return [declaration(tool) for tool in self._tools.values()]

    def read(self, call: ToolCall) -> tuple[Tool, BaseModel]:
        """Find the tool of `call` and read its arguments; raises Misfit with one line for the model."""
        tool = self._tools.get(call.name)
        if tool is None:
            raise Misfit(f"there is no tool '{call.name}'; the tools are {', '.join(self._tools)}")
        try:
            return tool, parse(tool.arguments, call.arguments or "{}")
        except Misfit as misfit:
            raise Misfit(f"arguments of {call.name}: {misfit}") from None
