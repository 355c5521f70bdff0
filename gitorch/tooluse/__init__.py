"""Judging what an agent is about to do with a tool: pure, and without starting anything."""
