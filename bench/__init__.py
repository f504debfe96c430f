"""Benchmarks: seeded workloads, each figure with n, machine and, where named, a floor measured in the same run."""
