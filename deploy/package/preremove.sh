#!/bin/sh
# deb: "remove" or "upgrade"; rpm: how many versions are left. An upgrade leaves the service running.
set -e
case "${1:-}" in
remove | 0) [ ! -d /run/systemd/system ] || systemctl disable --now trapline.service ;;
esac
