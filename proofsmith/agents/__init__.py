"""The workflows: what decides which step comes next; the only home of LangGraph."""

import os

# Read by LangGraph and its tracer when they are first imported: checkpoints may restore plain data alone, and nothing
# is sent to a tracing service whatever the user's environment says.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
os.environ["LANGSMITH_TRACING"] = "false"
os.environ["LANGCHAIN_TRACING_V2"] = "false"
