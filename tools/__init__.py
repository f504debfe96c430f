"""Maintainers' tools: documentation checks, lock files."""
