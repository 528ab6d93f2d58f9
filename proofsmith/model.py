"""Language models behind one seam: an OpenAI-compatible client and its doubles."""
