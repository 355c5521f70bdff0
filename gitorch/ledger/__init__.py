"""The ledger: the workflow's state as commits hold it, and the one way to add a record."""
