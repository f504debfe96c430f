"""Simulator: a plant made of real protocol servers. It says that it is simulated."""
