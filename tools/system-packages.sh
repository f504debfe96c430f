#!/usr/bin/env bash
# Installs the Debian packages of a make target (system-packages.txt), or prints the one command that does.
set -eu
target=$1
wanted=$(sed -n "s/^$target: //p" system-packages.txt)
missing=()
for package in $wanted; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "== Debian packages: ${missing[*]} 安装系统软件包"
  if { apt-get install -y -qq --no-install-recommends "${missing[@]}" ||
       { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; }; } >/dev/null 2>&1; then
    exit 0
  fi
fi
echo "!! Missing system packages. Install them with: sudo apt-get install ${missing[*]}" >&2
echo "!! 缺少系统软件包；没有它们时 PDF 等功能关闭，其余照常。Without them PDF and the tests that need them are off; the rest goes on." >&2
