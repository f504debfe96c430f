"""MRV, pure: `language` < `definitions` < `calculation` < `presentation`, `quality`, `authoring`; YAML in `rules`."""
