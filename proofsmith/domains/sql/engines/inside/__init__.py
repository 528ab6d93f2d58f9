"""Programs that run inside the sandbox beside an engine; nothing here is imported by the product itself."""
