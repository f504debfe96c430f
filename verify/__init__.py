"""Verify: the evidence file and the ten steps. A pure function of (evidence file, trust list)."""
