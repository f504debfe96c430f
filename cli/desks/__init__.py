"""Desks: what each party does at its own machine with its own keys: registrar, enterprise, verifier, holder."""
