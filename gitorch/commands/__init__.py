"""One module a command: plain functions that take keyword arguments and return an exit code."""
