#!/bin/sh
# Copies third-party code that the pages load, and its licenses, to internal/web/static/vendor.
set -eu
cd "$(dirname "$0")/../internal/web"
npm ci --ignore-scripts --no-audit --no-fund
to=static/vendor
mkdir -p $to
cp node_modules/htmx.org/dist/htmx.min.js node_modules/uplot/dist/uPlot.iife.min.js node_modules/uplot/dist/uPlot.min.css $to/
cp node_modules/htmx.org/LICENSE $to/htmx.LICENSE
cp node_modules/uplot/LICENSE $to/uPlot.LICENSE
