#!/bin/sh
# Make the image of `--sandbox docker` from Debian packages alone, where no image registry can be reached.
# usage: docker_image.sh [NAME]   (root, debootstrap; DOCKER_HOST names the daemon, CACHE keeps the tree)
set -eu
name=${1:-proofsmith-sandbox}
packages=python3-minimal,libpython3-stdlib,gcc,g++,libc6-dev,libgomp1
suite=bookworm
key=$(printf '%s %s' "$suite" "$packages" | sha256sum | cut -c1-16)
tree=${CACHE:-/var/cache/proofsmith}/image-$key
if [ ! -d "$tree" ]; then
    mkdir -p "$(dirname "$tree")"
    building=$(mktemp -d "$tree.XXXXXX")
    trap 'rm -rf "$building"' EXIT
    debootstrap --variant=minbase --include="$packages" "$suite" "$building/root" >"$building/log" 2>&1 ||
        { tail -20 "$building/log" >&2; exit 1; }
    mkdir -p "$building/root/input"
    mv "$building/root" "$tree"
fi
tar -C "$tree" -c . | docker import - "$name" >/dev/null
