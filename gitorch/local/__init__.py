"""The agent that needs no model: it finds, counts and quotes what stands in the repository's files."""
