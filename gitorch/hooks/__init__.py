"""What git's hooks do for the record: what commits and pushes may hold, and how the hooks get into a repository."""
