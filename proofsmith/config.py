"""Settings: defaults, then files, then environment, then flags."""
