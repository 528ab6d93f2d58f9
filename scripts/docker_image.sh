#!/bin/sh
# Make the images of `--sandbox docker` where no image registry can be reached: the ARG and RUN lines of a domain's
# Dockerfile, carried out in a Debian that debootstrap made.
# usage: docker_image.sh DOMAIN...   (root, debootstrap; DOCKER_HOST names the daemon, CACHE keeps the trees)
set -eu
domains=$(dirname "$0")/../proofsmith/domains
cache=${CACHE:-/var/cache/proofsmith}
suite=bookworm
building=
trap '[ -z "$building" ] || rm -rf "$building"' EXIT
mkdir -p "$cache"

commands_of() { # DOCKERFILE: prints a shell script
    sed -e ':more' -e '/\\$/{N;s/\\\n//;b more' -e '}' "$1" | sed -n -e 's/^ARG //p' -e 's/^RUN \(.*\)/{ \1; } || exit 1/p'
}

make_base() { # TREE
    building=$(mktemp -d "$1.XXXXXX")
    debootstrap --variant=minbase "$suite" "$building/root" >"$building/log" 2>&1 ||
        { tail -20 "$building/log" >&2; exit 1; }
    printf '#!/bin/sh\nexit 101\n' >"$building/root/usr/sbin/policy-rc.d" # no package may start a daemon
    chmod 755 "$building/root/usr/sbin/policy-rc.d"
    mv "$building/root" "$1"
    rm -rf "$building"
}

make_tree() { # TREE COMMANDS
    base=$cache/base-$suite
    [ -d "$base" ] || make_base "$base"
    building=$(mktemp -d "$1.XXXXXX")
    cp -a "$base" "$building/root"
    cp -L /etc/resolv.conf "$building/root/etc/resolv.conf"
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$building/root" sh -c "$2" >"$building/log" 2>&1 ||
        { tail -20 "$building/log" >&2; exit 1; }
    rm -f "$building/root/etc/resolv.conf"
    mv "$building/root" "$1"
    rm -rf "$building"
}

for domain in "$@"; do
    commands=$(commands_of "$domains/$domain/Dockerfile")
    tree=$cache/image-$(printf '%s %s' "$suite" "$commands" | sha256sum | cut -c1-16)
    [ -d "$tree" ] || make_tree "$tree" "$commands"
    tar -C "$tree" -c . | docker import - "proofsmith-$domain" >/dev/null
done
