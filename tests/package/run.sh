#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the build into a fresh prefix and builds a stranger's project against it.
# usage: run.sh BUILD_DIR SOURCE_DIR
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cmake --install "$1" --prefix "$place/prefix" >/dev/null
[ "$(ls "$place/prefix/include")" = agora ]  # no short path is taken in the user's prefix
cmake -S "$2/tests/package" -B "$place/build" -G Ninja -DCMAKE_PREFIX_PATH="$place/prefix" >/dev/null
cmake --build "$place/build" >/dev/null
"$place/build/stranger"
"$place/prefix/bin/agorad" --version
"$place/prefix/bin/agora" --help >/dev/null
