#!/bin/sh
# Builds the container image and runs it once: with docker if it is available, else with buildah. buildah
# needs no registry: it then builds in an image made from this machine's Go.
set -eu
cd "$(dirname "$0")/.."
if docker info >/dev/null 2>&1; then
	docker build -t trapline .
	docker run --rm trapline check --config.file=/etc/trapline/snmp.yml
	docker run --rm trapline rules check --config.file=/etc/trapline/snmp.yml '/etc/trapline/rules/*.yml'
	exit
fi
command -v buildah >/dev/null 2>&1 || { echo "neither docker nor buildah is there" >&2; exit 1; }
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
base=docker.io/library/golang:1.26
if ! timeout 60 buildah pull -q $base >/dev/null 2>&1; then
	command -v busybox >/dev/null || { echo "the registry is out of reach, and busybox-static is not installed to do without" >&2; exit 1; }
	base=localhost/golang
	container=$(buildah from scratch)
	root=$(buildah mount "$container")
	mkdir -p "$root/bin" "$root/usr/local" "$root/etc/ssl" "$root/tmp" "$root/root/go/pkg"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for tool in sh mkdir; do ln -s busybox "$root/bin/$tool"; done
	cp -r "$(go env GOROOT)" "$root/usr/local/go"
	cp -r /etc/ssl/certs "$root/etc/ssl/"
	cp -r "$(go env GOMODCACHE)" "$root/root/go/pkg/mod"
	buildah umount "$container" >/dev/null
	buildah config --env PATH=/usr/local/go/bin:/bin --env HOME=/root --env GOFLAGS=-mod=mod --env GOPROXY=off --env GOTOOLCHAIN=local "$container"
	buildah commit -q --rm "$container" $base >/dev/null
fi
buildah build -q --build-arg GO=$base -t localhost/trapline .
container=$(buildah from localhost/trapline)
buildah run "$container" -- /bin/trapline check --config.file=/etc/trapline/snmp.yml
buildah run "$container" -- /bin/trapline rules check --config.file=/etc/trapline/snmp.yml '/etc/trapline/rules/*.yml'
buildah inspect --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Volumes}}' "$container"
buildah rm "$container" >/dev/null
