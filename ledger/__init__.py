"""Ledger: the RFC 6962 log: append, seal, checkpoints, tiles, proofs, anchors, fsck. Knows nothing of meters."""
