"""`python -m tests.reliability.golden`."""

from tests.reliability.golden.make import write

write()
