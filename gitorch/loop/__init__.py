"""The loop: what happens next, one step of it, and steps until the end."""
