#!/bin/sh
# Regenerate proofsmith/executors/seccomp-*.bpf; needs gcc and libseccomp-dev.
set -eu
cd "$(dirname "$0")/.."
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
gcc -Wall -Wextra -o "$build/seccomp_filter" scripts/seccomp_filter.c -lseccomp
for architecture in x86_64 aarch64; do
    for limits in hard soft zygote-hard zygote-soft; do # soft: without a control group
        "$build/seccomp_filter" $architecture $limits "proofsmith/executors/seccomp-$architecture-$limits.bpf"
    done
done
