"""Core: what several rooms share: encodings, signatures, ids, records, the error tree. Imports nothing of ours."""
