"""Attestation: frames, blocks, envelopes, keys and their histories, acceptance, the series read model."""
