#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh - install what Hostler needs on Debian 12.
#
#   tools/setup.sh run     what building and running needs
#   tools/setup.sh test    the same, and what the tests need (a Python
#                          environment in build/venv among it)
#   tools/setup.sh list [run|test]   print the package names, install nothing
#
# Packages come from the machine's own Debian mirror, without recommendations.
# Nothing is done when everything is there. No service of the machine is
# started, restarted or enabled, and no PostgreSQL cluster or libvirt network
# is made: what Hostler needs of those it starts by itself, beside them.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

build_packages="make meson ninja-build gcc libc6-dev pkg-config python3 libglib2.0-dev libmicrohttpd-dev
	libjansson-dev libxml2-dev libsqlite3-dev libpq-dev libssl-dev libgnutls28-dev libvirt-dev zlib1g-dev libcmocka-dev
	libcurl4-openssl-dev libwslay-dev libyaml-dev python3-venv"
run_packages="$build_packages ca-certificates openssl sqlite3 libvirt-daemon libvirt-clients qemu-system-x86
	qemu-utils busybox-static cpio kmod xz-utils isolinux syslinux-common xorriso iproute2 util-linux"
test_packages="$run_packages postgresql clang-14 llvm-14 libclang-rt-14-dev clang-format-14
	python3-dev procps wrk strace virt-viewer xvfb xauth x11-apps xdotool zsh fish man-db ovmf swtpm mtools chromium"

say() { echo "setup: $*" >&2; }

packages_for() {
	case $1 in
	run) echo $run_packages ;;
	test) echo $test_packages ;;
	*) say "unknown set '$1' (run or test)"; exit 2 ;;
	esac
}

missing_of() { # the given packages that are not installed, one dpkg-query for all
	local have
	have=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p') || true
	printf '%s\n' "$@" | grep -vxF -f <(printf '%s\n' "$have") || true
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo "$@"
	else say "root is needed to install packages: run this as root, or install sudo"; exit 1; fi
}

install_packages() { # runs as root; guards are taken away again in every case
	policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.d/hostler-setup.conf
	made_policy='' made_cluster='' log=$(mktemp)
	undo() {
		[ -z "$made_policy" ] || rm -f "$policy"
		[ -z "$made_cluster" ] || rm -f "$cluster"
		rm -f "$log"
	}
	trap undo EXIT
	trap 'exit 130' INT TERM
	if [ ! -e "$policy" ]; then # maintainer scripts ask it before they start a service
		made_policy=1
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	if [ ! -e "$cluster" ]; then # and this before they make a database cluster
		made_cluster=1
		mkdir -p "${cluster%/*}"
		echo "create_main_cluster = false" >"$cluster"
	fi
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get -q update && apt-get -q -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
		install --no-install-recommends "$@"; } >"$log" 2>&1 || { cat "$log" >&2; say "apt-get failed"; exit 1; }
}

python_environment() { # build/venv, with the versions pinned in tests/requirements.txt
	local venv=build/venv want=tests/requirements.txt
	if [ -x $venv/bin/python ] && cmp -s $want $venv/.requirements; then return; fi
	say "making the Python environment $venv"
	mkdir -p build
	rm -rf $venv
	/usr/bin/python3 -m venv $venv
	$venv/bin/pip --quiet --disable-pip-version-check install -r $want
	cp $want $venv/.requirements
}

case ${1:-} in
list) packages_for "${2:-test}" | tr ' ' '\n'; exit ;;
_install) shift; install_packages "$@"; exit ;;
run | test) ;;
*) sed -n '4,15s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

if [ "$(. /etc/os-release; echo "${ID:-}:${VERSION_ID:-}")" != debian:12 ]; then
	say "this is not Debian 12; package names may differ"
fi
mapfile -t want < <(packages_for "$1" | tr ' ' '\n')
mapfile -t missing < <(missing_of "${want[@]}")
if [ "${#missing[@]}" -gt 0 ]; then
	say "installing ${missing[*]}"
	as_root "$(readlink -f "$0")" _install "${missing[@]}"
fi
[ "$1" != test ] || python_environment
