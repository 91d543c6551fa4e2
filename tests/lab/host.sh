#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# host.sh - what lab.py runs as the first process of a host, or of the switch.
#
#   host.sh switch DIR ADDRESS CARDS
#   host.sh host DIR NUMBER ADDRESS SWITCH-ADDRESS CARDS UUID
#
# It is started in new namespaces, and the namespaces end with it.
set -euo pipefail

quiet_bridges() { # where br_netfilter is built in, bridged frames would meet the firewall
	local family
	for family in iptables ip6tables arptables; do
		{ echo 0 >/proc/sys/net/bridge/bridge-nf-call-$family; } 2>/dev/null || true
	done
}

run_switch() {
	local dir=$1 address=$2 cards=$3 n
	mount --bind "$dir/hosts" /etc/hosts
	ip link set lo up
	for ((n = 0; n < cards; n++)); do
		# an address of its own: else it is the lowest of the ports', and changes when a host dies
		ip link add "sw$n" address "52:54:00:4c:ff:0$n" type bridge forward_delay 0
		ip link set "sw$n" up
	done
	quiet_bridges
	ip addr add "$address/24" dev sw0
	: >"$dir/switch.ready"
	exec sleep infinity
}

make_disk() { # the host's own /etc and /var, made at its first start
	local disk=$1 uuid=$2 name=$3
	[ ! -e "$disk/.complete" ] || return 0
	rm -rf "$disk"
	mkdir -p "$disk/var"/{cache/libvirt,lib/libvirt,lib/dpkg,local,log/libvirt,opt,spool,tmp}
	cp -a /etc "$disk/etc"
	chmod 1777 "$disk/var/tmp"
	ln -s /run "$disk/var/run"
	ln -s /run/lock "$disk/var/lock"
	# libvirt wants to know the name of who connects
	grep -q '^[^:]*:[^:]*:36:' "$disk/etc/group" || echo "vdsm:x:36:" >>"$disk/etc/group"
	grep -q '^[^:]*:[^:]*:36:' "$disk/etc/passwd" ||
		echo "vdsm:x:36:36:host agent:/var/lib/hostler-agent:/usr/sbin/nologin" >>"$disk/etc/passwd"
	rm -rf "$disk/etc/libvirt"
	mkdir -p "$disk/etc/libvirt"
	echo "$name" >"$disk/etc/hostname"
	echo "${uuid//-/}" >"$disk/etc/machine-id"
	cat >"$disk/etc/libvirt/libvirtd.conf" <<-CONF
		host_uuid = "$uuid"
		auth_unix_rw = "none"
		auth_unix_ro = "none"
		unix_sock_group = "libvirt"
		unix_sock_rw_perms = "0770"
		max_clients = 200
		log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
	CONF
	cat >"$disk/etc/libvirt/qemu.conf" <<-CONF
		user = "+36"
		group = "+36"
		dynamic_ownership = 0
		remember_owner = 0
		security_driver = "none"
		stdio_handler = "file"
		namespaces = [ ]
		cgroup_controllers = [ ]
		max_core = 0
		migration_address = "0.0.0.0"
	CONF
	: >"$disk/.complete"
}

make_dev() { # no /dev/kvm: it may exist and yet not run an ordinary kernel
	local dev=$1 node
	mkdir -p "$dev"
	mount -t tmpfs -o mode=755 dev "$dev"
	mkdir -p "$dev/pts" "$dev/shm" "$dev/net" "$dev/mapper"
	for node in null zero full random urandom tty fuse net/tun loop-control loop{0..7}; do
		if [ -e "/dev/$node" ]; then cp -a "/dev/$node" "$dev/$node"; fi
	done
	ln -s /proc/self/fd "$dev/fd"
	ln -s fd/0 "$dev/stdin"
	ln -s fd/1 "$dev/stdout"
	ln -s fd/2 "$dev/stderr"
	ln -s pts/ptmx "$dev/ptmx"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$dev/pts"
	mount -t tmpfs -o mode=1777 shm "$dev/shm"
	mount --move "$dev" /dev
}

network() {
	local address=$1 gateway=$2 cards=$3 n k
	ip link set lo up
	for ((n = 0; n < cards; n++)); do # lab.py puts the cards in
		for ((k = 0; k < 500; k++)); do
			if ip link set "eth$n" up 2>/dev/null; then break; fi
			sleep 0.02
		done
	done
	quiet_bridges
	ip link add ovirtmgmt type bridge forward_delay 0
	quiet_bridges
	ip link set eth0 master ovirtmgmt
	ip link set ovirtmgmt address "$(cat /sys/class/net/eth0/address)" up
	ip addr add "$address/24" dev ovirtmgmt
	ip route add default via "$gateway"
}

run_host() {
	local dir=$1 number=$2 address=$3 gateway=$4 cards=$5 uuid=$6 here=$1/h$2 k
	hostname "host$number"
	make_disk "$here/disk" "$uuid" "host$number"
	cp "$dir/hosts" "$here/disk/etc/hosts"
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	make_dev "$here/dev"
	mount --bind /var/lib/dpkg "$here/disk/var/lib/dpkg"
	mount --rbind "$here/disk/var" /var
	mount --bind "$here/disk/etc" /etc
	mount --bind "$here/run" /run
	mkdir -p /run/lock /run/user
	network "$address" "$gateway" "$cards"
	cd /
	libvirtd -d
	for ((k = 0; k < 1000; k++)); do
		if [ -S /run/libvirt/libvirt-sock ]; then break; fi
		sleep 0.02
	done
	: >/run/ready
	trap 'exit 0' TERM INT
	while :; do # bash collects the orphans that come to process 1
		sleep 3600 &
		wait $! || true
	done
}

kind=$1
shift
"run_$kind" "$@"
