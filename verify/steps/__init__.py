"""The ten steps, one module each; the numbers are those of docs/spec/evidence.md."""
