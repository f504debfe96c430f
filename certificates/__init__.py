"""Certificates: claims, opinions, issue, split, transfer, retire, supersede, revoke, evidence export, reports."""
