"""The differential rung: adversarial databases, both queries on an engine, a minimised counter-example."""
