"""Anchor: the log's roots on an EVM chain. evm.py talks to a node; the proofs are checked by pure functions."""
