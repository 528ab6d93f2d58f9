#!/bin/sh
# Make the images of `--sandbox docker` where no image registry can be reached: the RUN lines of a domain's Dockerfile,
# carried out in a Debian that debootstrap made. `build` is the image of building in Python; `base` is that Debian alone,
# from which `docker build --network host --build-arg BASE=proofsmith-base` makes the same by Docker's own means.
# usage: docker_image.sh base|build|DOMAIN...   (root, debootstrap; DOCKER_HOST names the daemon, CACHE keeps the trees)
set -eu
package=$(dirname "$0")/../proofsmith
cache=${CACHE:-/var/cache/proofsmith}
suite=bookworm
building=
trap '[ -z "$building" ] || rm -rf "$building"' EXIT
mkdir -p "$cache"

commands_of() { # DOCKERFILE: prints a shell script
    sed -e ':more' -e '/\\$/{N;s/\\\n//;b more' -e '}' "$1" | sed -n -e 's/^RUN \(.*\)/{ \1; } || exit 1/p'
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
    building=$(mktemp -d "$1.XXXXXX")
    cp -a "$base" "$building/root"
    cp -L /etc/resolv.conf "$building/root/etc/resolv.conf"
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$building/root" sh -c "$2" >"$building/log" 2>&1 ||
        { tail -20 "$building/log" >&2; exit 1; }
    rm -f "$building/root/etc/resolv.conf"
    mv "$building/root" "$1"
    rm -rf "$building"
}

base=$cache/base-$suite
[ -d "$base" ] || make_base "$base"
for name in "$@"; do
    case $name in
    base) tree=$base ;;
    build) file=$package/agents/Dockerfile ;;
    *) file=$package/domains/$name/Dockerfile ;;
    esac
    if [ "$name" != base ]; then
        commands=$(commands_of "$file")
        tree=$cache/image-$(printf '%s %s' "$suite" "$commands" | sha256sum | cut -c1-16)
        [ -d "$tree" ] || make_tree "$tree" "$commands"
    fi
    tar -C "$tree" -c . | docker import - "proofsmith-$name" >/dev/null
done
