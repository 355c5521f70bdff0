"""One self-contained HTML page about a workflow's history. It sits above the ledger and knows nothing of the loop."""
