"""From YAML as people write it to definitions: the shipped catalogue, its checks and its printed form."""
