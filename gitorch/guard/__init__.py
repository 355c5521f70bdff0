"""Guarding the user's uncommitted work while an agent writes into the same work tree."""
