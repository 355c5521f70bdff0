"""The pure core: names, states, files, messages, templates, plans. Nothing here does I/O."""
