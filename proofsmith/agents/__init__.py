"""The workflows; the only home of langgraph."""
