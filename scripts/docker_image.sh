#!/bin/sh
# Make the images of `--sandbox docker` from Debian packages alone, where no image registry can be reached: the packages
# that a domain's Dockerfile names, installed by debootstrap.
# usage: docker_image.sh DOMAIN...   (root, debootstrap; DOCKER_HOST names the daemon, CACHE keeps the trees)
set -eu
domains=$(dirname "$0")/../proofsmith/domains
suite=bookworm

tree_of() { # PACKAGES: prints the folder of a Debian that has them, made at first use
    tree=${CACHE:-/var/cache/proofsmith}/image-$(printf '%s %s' "$suite" "$1" | sha256sum | cut -c1-16)
    if [ ! -d "$tree" ]; then
        mkdir -p "$(dirname "$tree")"
        building=$(mktemp -d "$tree.XXXXXX")
        trap 'rm -rf "$building"' EXIT
        debootstrap --variant=minbase --include="$1" "$suite" "$building/root" >"$building/log" 2>&1 ||
            { tail -20 "$building/log" >&2; exit 1; }
        mkdir -p "$building/root/input" "$building/root/socket"
        mv "$building/root" "$tree"
    fi
    printf '%s' "$tree"
}

for domain in "$@"; do
    packages=$(sed -n 's/^ARG PACKAGES="\(.*\)"$/\1/p' "$domains/$domain/Dockerfile" | tr ' ' ,)
    tree=$(tree_of "$packages")
    tar -C "$tree" -c . | docker import - "proofsmith-$domain" >/dev/null
done
