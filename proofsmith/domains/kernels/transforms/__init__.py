"""Source transformations of C loops: each finds its sites in a `Program` and yields rewritten ones."""
