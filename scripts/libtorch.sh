#!/usr/bin/env bash
# Finds or installs libtorch and makes the link .libtorch to it, which .cargo/config.toml hands to
# the build. In this order: LIBTORCH; what .libtorch is linked to; a Python torch of the right
# version; the cache that all checkouts share, filled from the pip wheel. Prints the folder.
set -euo pipefail

version=2.11.0 # tch 0.24 binds this one and no other
cache=${PLIMSOLL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/plimsoll}/libtorch-$version
room_needed_gb=9 # 5 unpacked, and pip's downloads beside them
cd "$(dirname "$0")/.."

die() {
  echo "libtorch.sh: $*" >&2
  exit 1
}

# Whether a folder holds libtorch of the right version: a wheel's or an unpacked zip's.
is_libtorch() {
  [ -e "$1/lib/libtorch_cpu.so" ] || [ -e "$1/lib/libtorch_cpu.dylib" ] || return 1
  grep -qs "$version" "$1/version.py" "$1/build-version"
}

link() {
  [ "$(readlink .libtorch || true)" = "$1" ] || ln -sfn "$1" .libtorch
  echo "$1"
  exit 0
}

# The folder of the torch package of a Python, if it is of the right version.
torch_of() {
  "$1" - "$version" <<'PY' 2>/dev/null
import importlib.metadata, importlib.util, sys
if importlib.metadata.version("torch").split("+")[0] != sys.argv[1]:
    sys.exit(1)
print(importlib.util.find_spec("torch").submodule_search_locations[0])
PY
}

command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
  die "no C++ compiler found; install one (Debian: apt-get install g++; Fedora: dnf install gcc-c++)," \
    "or build without libtorch: cargo build --no-default-features"

if [ -n "${LIBTORCH:-}" ]; then
  is_libtorch "$LIBTORCH" ||
    die "LIBTORCH=$LIBTORCH holds no libtorch $version; point it to the folder that has lib/libtorch_cpu.so of that version, or unset it"
  link "$LIBTORCH"
fi
if [ -L .libtorch ] && is_libtorch .libtorch; then
  link "$(readlink .libtorch)"
fi
for python in ${VIRTUAL_ENV:+"$VIRTUAL_ENV/bin/python"} python3 python; do
  if command -v "$python" >/dev/null && found=$(torch_of "$python") && is_libtorch "$found"; then
    link "$found"
  fi
done

command -v python3 >/dev/null ||
  die "no python3 found, which fetches libtorch; install it with its venv module, or set LIBTORCH, or build without libtorch: cargo build --no-default-features"
mkdir -p "$(dirname "$cache")" || die "cannot create $(dirname "$cache"); set PLIMSOLL_CACHE_DIR to a folder that can be written"

# Two checkouts may come here at once; the second finds the first one's work.
exec 9>"$cache.lock"
if command -v flock >/dev/null; then flock 9; fi
if [ ! -e "$cache.complete" ]; then
  room_gb=$(df -Pk "$(dirname "$cache")" | awk 'NR == 2 { print int($4 / 1048576) }')
  [ "$room_gb" -ge "$room_needed_gb" ] ||
    die "libtorch needs $room_needed_gb GB and $cache has $room_gb GB free; free some, set PLIMSOLL_CACHE_DIR to a larger disk, or build without libtorch: cargo build --no-default-features"
  echo "libtorch.sh: installing torch $version into $cache (about 5 GB, once for all checkouts)" >&2
  python3 -m venv --clear "$cache" ||
    die "python3 has no working venv module; install it (Debian: apt-get install python3-venv)"
  "$cache/bin/python" -m pip install --quiet --no-cache-dir "torch==$version" >&2 ||
    die "pip could not install torch $version; check the network, or set LIBTORCH to an unpacked libtorch $version"
  touch "$cache.complete"
fi
found=$(torch_of "$cache/bin/python") && is_libtorch "$found" ||
  die "$cache is damaged; remove it and $cache.complete and run this again"
link "$found"
