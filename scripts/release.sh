#!/bin/bash
# Builds a release into a directory: static binaries in archives, deb and rpm packages, an SBOM, and SHA256SUMS.
#   release.sh [DIST]     with PLATFORMS="linux/amd64 …" for fewer
# The build is reproducible: release-check.sh builds it twice.
set -euo pipefail
cd "$(dirname "$0")/.."
dist=$(realpath -m "${1:-dist}")
platforms=${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64}
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0
cyclonedx=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
version=${VERSION:-$(git describe --tags --always)}
version=${version#v}
[[ $version == [0-9]*.* ]] || version=0.0.0+$version # packages want a number first
export SOURCE_DATE_EPOCH CGO_ENABLED=0 LC_ALL=C TZ=UTC
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
mtime=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
umask 022
rm -rf "$dist"
mkdir -p "$dist"

# packed DIRECTORY ARCHIVE: a reproducible tar.
packed() {
	tar -C "$(dirname "$1")" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mode=u+w,go-w --mtime="@$SOURCE_DATE_EPOCH" -c "$(basename "$1")" | gzip -9n >"$2"
}

for platform in $platforms; do
	os=${platform%/*} arch=${platform#*/} name=trapline-$version-${platform/\//-}
	into=$dist/$name
	binary=$into/trapline
	[ "$os" = windows ] && binary=$binary.exe
	echo "$platform" >&2
	GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=false -tags gosnmp_nodebug \
		-ldflags "-s -w -buildid= -X github.com/prometheus/common/version.Version=$version" -o "$binary" ./cmd/trapline
	cp -r README.md CHANGELOG.md LICENSE snmp.yml rules docs examples dashboards "$into/"
	rm -f "$into"/dashboards/*.go && rm -rf "$into/dashboards/build"
	packed "$into" "$dist/$name.tar.gz"
	if [ "$os" = linux ]; then
		sed "s|\${ARCH}|$arch|; s|\${VERSION}|$version|; s|\${BINARY}|$binary|; s|\${MTIME}|$mtime|" deploy/package/nfpm.yaml >"$dist/nfpm.yaml"
		for packager in deb rpm; do
			go run $nfpm package --packager $packager --config "$dist/nfpm.yaml" --target "$dist/trapline_$arch.$packager" >"$dist/nfpm.log" || { cat "$dist/nfpm.log" >&2; exit 1; }
		done
		rm "$dist/nfpm.yaml" "$dist/nfpm.log"
	fi
	rm -rf "$into"
done
# The time and the hashes of the tool belong to this build, not to the release.
go run $cyclonedx mod -json -noserial -output-version 1.5 . 2>/dev/null |
	sed "s|\"timestamp\": \".*\"|\"timestamp\": \"$mtime\"|; /\"tools\": \[/,/^    \],/d" >"$dist/trapline.cdx.json"
(cd "$dist" && sha256sum -- * >SHA256SUMS)
