"""The store: outcomes, lessons, files and cached verdicts."""
