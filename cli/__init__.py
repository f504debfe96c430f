"""CLI: the carbonseal command."""
