#!/bin/sh
# deb: "remove" or "upgrade"; rpm: the number of versions left. An upgrade keeps the service running.
case "${1:-}" in
remove | 0) [ -d /run/systemd/system ] && systemctl disable --now trapline.service || true ;;
esac
