"""Adapters: one folder per protocol, bytes or file to Reading. They never sign and never store."""
