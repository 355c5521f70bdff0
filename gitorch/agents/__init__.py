"""Agents: data files, how one is started and watched, what came of it."""
