#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# private-libvirtd.sh - a libvirt daemon beside the machine's own.
#
#   tools/private-libvirtd.sh start DIR [--vnc-ports MIN-MAX]
#   tools/private-libvirtd.sh stop DIR      stop the daemon; VMs keep running
#   tools/private-libvirtd.sh status DIR    exit status 0: it runs, 3: it does not
#   tools/private-libvirtd.sh uri DIR       the URI to connect to
#   tools/private-libvirtd.sh vms DIR       names of the running VMs, with or without the daemon
#   tools/private-libvirtd.sh remove DIR    stop everything, VMs as well, and remove DIR
#
# The daemon gets a mount namespace in which the directories it knows are those
# of DIR: etc, lib, log, cache (for libvirt's own) and run (for /run). Nothing
# of the machine's libvirt is read or changed, no network is made, no cgroup is
# touched, and nothing listens but a socket in DIR. VMs run as 36:36, the owner
# of storage domains (group kvm where that exists), and outlive the daemon: the
# next start finds them again.
#
# A keeper process, the daemon's parent, collects ended VMs: libvirt waits for
# that, and in a container process 1 may be slow to do it or not do it at all. It
# ends with the last VM. A tmpfs named after DIR marks the namespace, so everything that belongs to it
# can be recognised by any process's list of mounts.
set -euo pipefail
umask 022

die() { echo "private-libvirtd: $*" >&2; exit 1; }
usage() { sed -n '4,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }

command=${1:-} dir=${2:-}
[ -n "$dir" ] || usage
shift 2
self=$(readlink -f "$0")
dir=$(readlink -m "$dir")
case $dir in *[!A-Za-z0-9_./-]*) die "$dir: only letters, digits and _.-/ in the path, please" ;; esac
mark=hostler-libvirtd:$dir
socket=$dir/run/libvirt/libvirt-sock
pidfile=$dir/run/libvirtd.pid
etc_dir=/etc/libvirt lib_dir=/var/lib/libvirt log_dir=/var/log/libvirt cache_dir=/var/cache/libvirt

members() { # pids of all processes in a namespace with our mark
	local p
	for p in $(grep -lsF -- " - tmpfs $mark " /proc/[0-9]*/mountinfo | cut -d / -f 3); do echo "$p"; done
}

is_member() { grep -qsF -- " - tmpfs $mark " "/proc/$1/mountinfo"; }

daemon_pid() { # of the running daemon, or nothing
	local pid
	pid=$(cat "$pidfile" 2>/dev/null) || return 0
	if [ -n "$pid" ] && is_member "$pid"; then echo "$pid"; fi
}

vm_processes() { # lines "pid name"
	local p
	for p in $(members); do
		tr '\0' '\n' <"/proc/$p/cmdline" 2>/dev/null |
			sed -n "/^guest=/{s/^guest=\([^,]*\).*/$p \1/p;q}" || true
	done
}

wait_gone() { # seconds, pids...: true when all have ended
	local end=$((SECONDS + $1)) p left
	shift
	while :; do
		left=0
		for p in "$@"; do if is_member "$p"; then left=1; fi; done
		[ "$left" = 1 ] || return 0
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

vm_group() { # numeric group of the VMs
	local kvm
	kvm=$(getent group kvm | cut -d : -f 3) || true
	echo "${kvm:-36}"
}

hide_kvm() { # a /dev/kvm that VMs may not open makes libvirt probe QEMU over and over: 15 s for each start
	[ -e /dev/kvm ] || return 0
	if setpriv --reuid 36 --regid "$(vm_group)" --clear-groups test -r /dev/kvm -a -w /dev/kvm; then return 0; fi
	install -m 0 /dev/null "$dir/no-kvm"
	mount --bind "$dir/no-kvm" /dev/kvm
}

configure() {
	mkdir -p "$dir"/{etc,lib,log,cache,run,mark}
	if [ "$(cat "$dir/boot-id" 2>/dev/null)" != "$(cat /proc/sys/kernel/random/boot_id)" ]; then
		find "$dir/run" -mindepth 1 -delete # the machine was restarted: nothing of it is true any more
		cat /proc/sys/kernel/random/boot_id >"$dir/boot-id"
	fi
	mkdir -p "$dir/run/lock" "$dir/run/libvirt"
	[ -s "$dir/host-uuid" ] || cat /proc/sys/kernel/random/uuid >"$dir/host-uuid"
	cat >"$dir/etc/libvirtd.conf" <<-CONF
		host_uuid = "$(cat "$dir/host-uuid")"
		auth_unix_rw = "none"
		auth_unix_ro = "none"
		unix_sock_group = "libvirt"
		unix_sock_rw_perms = "0770"
		unix_sock_ro_perms = "0700"
		max_clients = 200
		log_outputs = "2:file:$log_dir/libvirtd.log"
	CONF
	cat >"$dir/etc/qemu.conf" <<-CONF
		user = "+36"
		group = "+$(vm_group)"
		dynamic_ownership = 0
		remember_owner = 0
		security_driver = "none"
		stdio_handler = "file"
		namespaces = [ ]
		cgroup_controllers = [ ]
		max_core = 0
		remote_display_port_min = ${vnc_min:-5900}
		remote_display_port_max = ${vnc_max:-65535}
	CONF
}

cmd_start() {
	vnc_min='' vnc_max=''
	while [ $# -gt 0 ]; do
		case $1 in
		--vnc-ports) vnc_min=${2%-*} vnc_max=${2#*-}; shift 2 ;;
		*) usage ;;
		esac
	done
	[ "$(id -u)" = 0 ] || die "root is needed"
	command -v libvirtd >/dev/null || die "libvirtd is not installed (tools/setup.sh run)"
	[ -z "$(daemon_pid)" ] || return 0
	configure
	rm -f "$pidfile" "$socket"
	: >"$dir/log/start.log"
	# "slave": later mounts of the machine (storage) are seen, ours are not
	unshare --mount --propagation slave "$self" _inside "$dir" </dev/null >"$dir/log/start.log" 2>&1 ||
		die "libvirtd does not start: $(cat "$dir/log/start.log" "$dir/log/libvirtd.log" 2>/dev/null | tail -n 5)"
	local end=$((SECONDS + 20))
	until [ -S "$socket" ] && virsh -q -c "$(cmd_uri)" version >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || die "libvirtd does not answer: $(tail -n 5 "$dir/log/libvirtd.log" 2>/dev/null)"
		sleep 0.05
	done
}

cmd__inside() { # in the new namespace
	local name target
	for name in etc lib log cache; do
		target=${name}_dir
		mkdir -p "${!target}" # they come with the libvirt packages
		mount --bind "$dir/$name" "${!target}"
	done
	hide_kvm
	mount -t tmpfs -o size=4k,mode=700 "$mark" "$dir/mark"
	mount --bind "$dir/run" /run
	cd /
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	exec env -i PATH="$PATH" LANG=C.UTF-8 /usr/bin/python3 -c "$keeper"
}

keeper='
import ctypes, os, subprocess, sys
PR_SET_CHILD_SUBREAPER = 36
answer, report = os.pipe()
if os.fork():
    os.close(report)
    sys.exit(0 if os.read(answer, 1) else 1)
os.setsid()
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
if subprocess.call(["libvirtd", "-d", "-p", "/run/libvirtd.pid"], stdin=subprocess.DEVNULL) != 0:
    sys.exit(1)
os.write(report, b"y")
os.close(report)
for stream in 0, 1, 2:
    os.dup2(os.open("/dev/null", os.O_RDWR), stream)
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
'

cmd_stop() {
	local pid
	pid=$(daemon_pid)
	[ -n "$pid" ] || return 0
	kill -TERM "$pid"
	wait_gone 10 "$pid" || { kill -KILL "$pid"; wait_gone 5 "$pid" || die "libvirtd ($pid) does not end"; }
}

cmd_status() {
	local pid
	pid=$(daemon_pid)
	[ -n "$pid" ] || { echo "stopped"; exit 3; }
	echo "running, pid $pid"
}

cmd_uri() { echo "qemu:///system?socket=$socket"; }

cmd_vms() { vm_processes | cut -d ' ' -f 2-; }

cmd_remove() {
	local all
	cmd_stop
	mapfile -t all < <(vm_processes | cut -d ' ' -f 1) # the keepers end with them
	if [ "${#all[@]}" -gt 0 ]; then
		kill -TERM "${all[@]}" 2>/dev/null || true
		wait_gone 3 "${all[@]}" || true
	fi
	mapfile -t all < <(members)
	wait_gone 1 "${all[@]}" || true
	mapfile -t all < <(members)
	if [ "${#all[@]}" -gt 0 ]; then
		kill -TERM "${all[@]}" 2>/dev/null || true
		wait_gone 3 "${all[@]}" || kill -KILL "${all[@]}" 2>/dev/null || true
		wait_gone 10 "${all[@]}" || die "some processes do not end: ${all[*]}"
	fi
	if [ -e "$dir/host-uuid" ]; then rm -rf --one-file-system "$dir"; fi
}

case $command in
start | stop | status | uri | vms | remove | _inside) "cmd_$command" "$@" ;;
*) usage ;;
esac
