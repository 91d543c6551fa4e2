#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# mkguest.sh - build the small Linux guest of the demo and of the tests.
#
#   tools/mkguest.sh OUTDIR
#
# OUTDIR then holds
#   vmlinuz          Debian's kernel for virtual machines
#   initrd.gz        a busybox system with the QEMU guest agent
#   initrd-plain.gz  the same without the guest agent
#   demo.iso         both in a CD image that a PC BIOS starts
#   demo.qcow2       the same as a disk (64 MiB virtual)
# and a call that finds them made by this very script does nothing.
#
# Two Debian packages are downloaded (kept in OUTDIR/deb) and unpacked, never
# installed: the cloud kernel and qemu-guest-agent. The libraries of the agent
# are those of this machine; they come with qemu-system-x86.
#
# The guest prints "HOSTLER-GUEST-UP <seconds since boot>" on its serial console
# and then offers a root shell there (prompt "guest# ") and on the screen. It
# powers off on the ACPI power button and on the guest agent's word, puts added
# memory, CPUs and network cards to use, and answers HTTP on port 80.
# A CD with openstack/latest/meta_data.json (cloud-init's config drive) or meta-data
# (NoCloud) gives the host name, its runcmd lines are run, and its files are served
# below http://GUEST/cloud/.
# Words on the kernel command line: hostler.ip=ADDR/LEN gives eth0 an address
# (otherwise DHCP), hostler.quiet leaves the shell out.
set -euo pipefail

script=$(readlink -f "$0")
out=${1:?usage: mkguest.sh OUTDIR}
mkdir -p "$out"
out=$(readlink -f "$out")
version=$(sha256sum <"$script")

die() { echo "mkguest: $*" >&2; exit 1; }

complete() {
	local f
	for f in vmlinuz initrd.gz initrd-plain.gz demo.iso demo.qcow2; do [ -s "$out/$f" ] || return 1; done
	[ "$(cat "$out/.version" 2>/dev/null)" = "$version" ]
}

exec 9>"$out/.lock"
flock 9 # two test runs may want the same guest
if complete; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# ---- packages ----------------------------------------------------------------

kernel_package() { # the newest cloud kernel: what the meta package depends on
	apt-cache depends linux-image-cloud-amd64 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}

fetch() { # package name -> the .deb's path in $deb
	local got
	got=$(find "$out/deb" -name "$1_*.deb" -print -quit)
	if [ -z "$got" ]; then
		(cd "$out/deb" && apt-get -qq -o APT::Sandbox::User=root download "$1") >&2 || die "cannot download $1"
		got=$(find "$out/deb" -name "$1_*.deb" -print -quit)
	fi
	deb=$got
}

mkdir -p "$out/deb"
kernel=$(kernel_package)
if [ -z "$kernel" ]; then # no package lists yet
	[ "$(id -u)" = 0 ] || die "no package lists here; run apt-get update first"
	apt-get -qq update
	kernel=$(kernel_package)
	[ -n "$kernel" ] || die "Debian's cloud kernel is not in the package lists"
fi
fetch "$kernel"; kernel_deb=$deb
fetch qemu-guest-agent; agent_deb=$deb

mkdir "$work/kernel" "$work/agent" "$work/root"
dpkg-deb --fsys-tarfile "$kernel_deb" | tar -C "$work/kernel" -x --wildcards './boot/vmlinuz-*' \
	'./lib/modules/*/modules.*' './lib/modules/*/kernel/drivers/*' './lib/modules/*/kernel/fs/isofs/*' \
	'./lib/modules/*/kernel/lib/*' './lib/modules/*/kernel/crypto/*' './lib/modules/*/kernel/net/core/*'
dpkg-deb -x "$agent_deb" "$work/agent"
release=$(basename "$work"/kernel/lib/modules/*)
PATH=$PATH:/sbin:/usr/sbin
depmod -b "$work/kernel" "$release"

# ---- the system --------------------------------------------------------------

cd "$work/root"
mkdir -p bin sbin usr/bin usr/sbin etc/acpi/PWRF etc/www lib/order proc sys dev run tmp var root
cp "$(command -v busybox)" bin/busybox
if ldd bin/busybox >/dev/null 2>&1; then die "busybox needs libraries; install busybox-static"; fi

# Modules in the order in which they have to be loaded: files are numbered.
count=100
for module in virtio_pci virtio_mmio virtio_blk virtio_scsi sd_mod sr_mod isofs virtio_net e1000 e1000e 8139cp \
	virtio_console virtio_balloon virtio_rng virtio-rng virtio_mem virtio_input ata_piix ahci evdev button \
	i8042 atkbd psmouse pvpanic-pci pvpanic-mmio i6300esb; do
	while read -r verb path _; do
		[ "$verb" = insmod ] || continue
		name=$(basename "$path")
		if compgen -G "lib/order/*-$name" >/dev/null || compgen -G "lib/order/*-${name%.xz}" >/dev/null; then continue; fi
		count=$((count + 1))
		case $name in
		*.xz) xz -dc "$path" >"lib/order/$count-${name%.xz}" ;;
		*) cp "$path" "lib/order/$count-$name" ;;
		esac
	done < <(modprobe -d "$work/kernel" -S "$release" --show-depends "$module" 2>/dev/null || true)
done
[ "$count" -gt 105 ] || die "hardly any kernel module was found in $kernel"

echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
echo hostler-guest >etc/hostname
echo 'hello from a guest of Hostler' >etc/www/index.html
printf 'NAME="Hostler demo guest"\nID=hostler-guest\nVERSION_ID="1"\nPRETTY_NAME="Hostler demo guest 1"\n' >etc/os-release

cat >init <<'GUEST'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root PS1='guest# '
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm /dev/virtio-ports
mount -t devpts pts /dev/pts
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
word() { tr ' ' '\n' </proc/cmdline | sed -n "s/^hostler\.$1=//p"; }
echo 3 >/proc/sys/kernel/printk
echo online_movable >/sys/devices/system/memory/auto_online_blocks 2>/dev/null
for m in /lib/order/*; do insmod "$m" 2>/dev/null; done
hostname -F /etc/hostname
ip link set lo up
uevent /sbin/added >/dev/null 2>&1 &
acpid >/dev/null 2>&1
for p in /sys/class/virtio-ports/*; do
	[ ! -s "$p/name" ] || ln -sf "../${p##*/}" "/dev/virtio-ports/$(cat "$p/name")"
done
port=/dev/virtio-ports/org.qemu.guest_agent.0
if [ -e $port ] && [ -x /usr/sbin/qemu-ga ]; then
	qemu-ga -d -m virtio-serial -p $port -t /run -f /run/qga.pid -l /run/qga.log
	[ ! -s /run/qga.pid ] || echo -1000 >/proc/"$(cat /run/qga.pid)"/oom_score_adj
fi
if [ -e /sys/class/net/eth0 ]; then
	ip link set eth0 up
	address=$(word ip)
	if [ -n "$address" ]; then ip addr add "$address" dev eth0
	else udhcpc -i eth0 -b -s /sbin/leased >/run/udhcpc.log 2>&1 & fi
	httpd -h /etc/www
fi
cloud_init() { # what cloud-init would do, in small
	mkdir -p /run/cloud /etc/www/cloud
	meta=
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		for d in /dev/sr*; do
			mount -t iso9660 -o ro "$d" /run/cloud 2>/dev/null || continue
			for meta in openstack/latest/meta_data.json meta-data; do
				if [ -s "/run/cloud/$meta" ]; then break 3; fi
			done
			meta=
			umount /run/cloud
		done
		sleep 0.3
	done
	[ -n "$meta" ] || return
	cp -r /run/cloud/* /etc/www/cloud/
	name=$(sed -n 's/.*"\(local-\)\{0,1\}hostname": *"\([A-Za-z0-9.-]*\)".*/\2/p' "/run/cloud/$meta" | head -n 1)
	[ -z "$name" ] || hostname "$name"
	sed -n '/^runcmd:/,/^[a-z]/s/^ *- //p' /run/cloud/openstack/latest/user_data /run/cloud/user-data >/run/runcmd 2>/dev/null
	sh /run/runcmd >/run/runcmd.log 2>&1
	echo "HOSTLER-CLOUD-INIT $(hostname) $(head -n 1 /run/runcmd.log)" >/dev/console
	umount /run/cloud
}
cloud_init &
shell_on() { while :; do setsid sh -c "exec sh -i </dev/$1 >/dev/$1 2>&1"; sleep 1; done; }
up="HOSTLER-GUEST-UP $(cut -d ' ' -f 1 /proc/uptime)"
echo "$up" >/dev/console
[ ! -c /dev/tty1 ] || { echo "$up" >/dev/tty1; shell_on tty1 & } 2>/dev/null
if grep -qw hostler.quiet /proc/cmdline || [ ! -c /dev/ttyS0 ]; then
	while :; do sleep 3600; done
fi
while :; do setsid cttyhack sh -i </dev/ttyS0 >/dev/ttyS0 2>&1; sleep 1; done
GUEST

cat >sbin/added <<'GUEST'
#!/bin/sh
# called for every kernel event
case $SUBSYSTEM:$ACTION in
cpu:add) echo 1 >"/sys$DEVPATH/online" ;;
net:add) ip link set "$INTERFACE" up ;;
esac
GUEST
cat >sbin/leased <<'GUEST'
#!/bin/sh
case $1 in bound | renew) ;; *) exit 0 ;; esac
ip addr flush dev "$interface"
ip addr add "$ip/${mask:-24}" dev "$interface"
[ -z "$router" ] || ip route replace default via "${router%% *}" dev "$interface"
GUEST
cat >etc/acpi/PWRF/00000080 <<'GUEST'
#!/bin/sh
echo HOSTLER-GUEST-POWER-BUTTON >/dev/console
exec poweroff -f
GUEST
cat >sbin/shutdown <<'GUEST'
#!/bin/sh
# the guest agent calls: shutdown -P|-H|-r +0 "reason"
for a; do
	case $a in -r) exec reboot -f ;; -H) exec halt -f ;; esac
done
exec poweroff -f
GUEST
chmod 755 init sbin/added sbin/leased sbin/shutdown etc/acpi/PWRF/00000080

pack() { find . -print0 | LC_ALL=C sort -z | cpio -0 -o -H newc --quiet -R 0:0 | gzip -"$2" >"$out/.$1.new"; mv "$out/.$1.new" "$out/$1"; }
pack initrd-plain.gz 1
cp "$work/agent/usr/sbin/qemu-ga" usr/sbin/
while read -r library; do
	mkdir -p ".${library%/*}"
	cp -L "$library" ".$library"
done < <(ldd usr/sbin/qemu-ga | grep -o '/[^ ]*')
pack initrd.gz 6
cp "$work/kernel/boot/vmlinuz-$release" "$out/vmlinuz"
chmod 644 "$out/vmlinuz"

# ---- the image that starts by itself -----------------------------------------

cd "$work"
mkdir -p tree/boot tree/isolinux
cp "$out/vmlinuz" "$out/initrd.gz" tree/boot/
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 tree/isolinux/
cat >tree/isolinux/isolinux.cfg <<'BOOT'
DEFAULT guest
PROMPT 0
LABEL guest
	KERNEL /boot/vmlinuz
	APPEND initrd=/boot/initrd.gz console=tty0 console=ttyS0 quiet nokaslr panic=-1 swiotlb=noforce
BOOT
xorriso -as mkisofs -quiet -o demo.iso -V HOSTLER -J -R -b isolinux/isolinux.bin -c isolinux/boot.cat \
	-no-emul-boot -boot-load-size 4 -boot-info-table -isohybrid-mbr /usr/lib/ISOLINUX/isohdpfx.bin tree 2>/dev/null
cp demo.iso "$out/demo.iso"
truncate -s 64M demo.iso
qemu-img convert -q -f raw -O qcow2 demo.iso "$out/demo.qcow2"
echo "$version" >"$out/.version"
complete || die "the result is not complete"
