"""Verification of evidence files: pure, offline, what an auditor installs."""
