"""Exports: one module for each format, all of them pure functions of what the history and the task files say."""
