#!/bin/sh
# mkrootfs.sh ENVOY DIR: puts the Envoy binary ENVOY and all it needs into DIR, the root of an image
# built FROM scratch (e2e/compose/Dockerfile.envoy). No image has to be pulled for that. DIR must
# not exist yet.
set -eu

envoy=${1:?usage: mkrootfs.sh ENVOY DIR}
root=${2:?usage: mkrootfs.sh ENVOY DIR}
mkdir "$root"

# put FILE [NAME]: copies FILE, links followed, to the place NAME (FILE's own by default) in the root.
put() {
	to=$root${2:-$1}
	mkdir -p "$(dirname "$to")"
	cp -L "$1" "$to"
}

put "$envoy" /usr/local/bin/envoy
chmod 755 "$root/usr/local/bin/envoy"

# The loader and the libraries, where the binary looks for them.
libraries=$(ldd "$envoy" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p')
[ -n "$libraries" ] || { echo "mkrootfs.sh: ldd finds no libraries for $envoy" >&2; exit 1; }
for library in $libraries; do
	put "$library"
done

# Certificates for upstreams with TLS, where this machine has them.
if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
	put /etc/ssl/certs/ca-certificates.crt
fi

mkdir -p "$root/etc/envoy" "$root/tmp"
chmod 1777 "$root/tmp"
echo 'envoy:x:101:101::/:/sbin/nologin' >"$root/etc/passwd"
echo 'envoy:x:101:' >"$root/etc/group"
