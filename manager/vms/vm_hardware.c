/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about the machine as a whole: limits of levels, guest systems and chipsets; what goes together. Pure. */
#include "manager/vms/vm_hardware.h"

#include <string.h>

#include "manager/clusters/clusters.h"
#include "manager/core/tables.h"

enum {
	MAX_CORES = 254,
	MAX_THREADS = 8,
	MAX_MEMORY_32_MB = 20480,
	IDE_SLOTS = 4,
	SATA_PORTS = 6,
	SCSI_UNITS = 16383,
};

static const int MAX_VCPUS[N_LEVELS] = { 384, 384, 384, 512, 710, 710, 710 };
static const int MAX_SOCKETS[N_LEVELS] = { 16, 16, 16, 16, 10000, 10000, 10000 };

const struct os_type *vm_os(const struct m_vm *vm)
{
	const char *key = vm->os && vm->os->type ? vm->os->type : "other";
	const struct os_type *other = OS_TYPES;

	for (const struct os_type *o = OS_TYPES; o->key; o++) {
		if (strcmp(o->key, key) == 0)
			return o;
		if (strcmp(o->key, "other") == 0)
			other = o;
	}
	return other;
}

/* What the rules look at. */
struct machine {
	const struct m_vm *vm;
	const struct m_cluster *cluster;
	const struct os_type *os;
	int level; /* index into tables by level */
	bool is_q35, is_uefi;
	int64_t cpus;
	const char *what;
};

static void look_at(struct core *c, const struct m_vm *vm, const char *what, struct machine *m)
{
	const struct m_cpu_topology *t = vm->cpu ? vm->cpu->topology : NULL;
	enum m_bios_type bios;

	*m = (struct machine){ .vm = vm, .os = vm_os(vm), .what = what, .cpus = 1 };
	m->cluster = vm->cluster.id ? cluster_latest(c, vm->cluster.id) : NULL;
	m->level = domain_level(vm, m->cluster) - 2;
	bios = domain_bios_of(vm, m->cluster);
	m->is_q35 = bios != M_BIOS_TYPE_I440FX_SEA_BIOS;
	m->is_uefi = bios == M_BIOS_TYPE_Q35_OVMF || bios == M_BIOS_TYPE_Q35_SECURE_BOOT;
	if (t)
		m->cpus = M_GET(t, sockets, 1) * M_GET(t, cores, 1) * M_GET(t, threads, 1);
}

/* ---- processors ---- */

static int check_topology(const struct machine *m, struct err *e)
{
	const struct m_cpu_topology *t = m->vm->cpu ? m->vm->cpu->topology : NULL;

	if (t && M_GET(t, cores, 1) > MAX_CORES)
		return err_field(e, ERR_CONFLICT, "vm.cpu.topology.cores", "Cannot %s. A socket has %d cores at most.",
		                 m->what, MAX_CORES);
	if (t && M_GET(t, threads, 1) > MAX_THREADS)
		return err_field(e, ERR_CONFLICT, "vm.cpu.topology.threads",
		                 "Cannot %s. A core has %d threads at most.", m->what, MAX_THREADS);
	if (t && M_GET(t, sockets, 1) > MAX_SOCKETS[m->level])
		return err_field(e, ERR_CONFLICT, "vm.cpu.topology.sockets",
		                 "Cannot %s. A VM of compatibility level 4.%d has %d sockets at most.", m->what,
		                 m->level + 2, MAX_SOCKETS[m->level]);
	if (m->cpus > MAX_VCPUS[m->level])
		return err_field(e, ERR_CONFLICT, "vm.cpu.topology",
		                 "Cannot %s. A VM of compatibility level 4.%d has %d virtual CPUs at most.", m->what,
		                 m->level + 2, MAX_VCPUS[m->level]);
	if (m->cpus < m->os->min_cpus && m->vm->cpu)
		return err_field(e, ERR_CONFLICT, "vm.cpu.topology", "Cannot %s. %s needs %d virtual CPUs at least.",
		                 m->what, m->os->name, m->os->min_cpus);
	return 0;
}

static bool is_model_text(const char *s)
{
	for (; s && *s; s++)
		if (!g_ascii_isalnum(*s) && !strchr("-_.,+", *s))
			return false;
	return true;
}

/* Guest systems that do not run on old processors. */
static int check_model(const struct machine *m, struct err *e)
{
	const char *own = m->vm->custom_cpu_model;
	const char *spec = own && *own ? own : domain_cluster_cpu(m->cluster, m->level + 2);
	g_autofree char *model = spec ? g_ascii_strdown(spec, (gssize)strcspn(spec, ",")) : NULL;
	g_auto(GStrv) old = g_strsplit(m->os->unsupported_cpus, ",", 32);

	if (!is_model_text(own))
		return err_field(e, ERR_INVALID, "vm.custom_cpu_model",
		                 "Cannot %s. A CPU model is a name, perhaps with features behind it: "
		                 "'Nehalem,+x2apic,-svm'.",
		                 m->what);
	if (own && *own && m->vm->cpu && m->vm->cpu->mode > M_CPU_MODE_CUSTOM)
		return err_field(e, ERR_CONFLICT, "vm.custom_cpu_model",
		                 "Cannot %s. A VM has the host's CPU or a CPU model of its own, not both.", m->what);
	for (int i = 0; model && old[i]; i++)
		if (strcmp(old[i], model) == 0)
			return err_field(e, ERR_INVALID, own && *own ? "vm.custom_cpu_model" : "vm.os.type",
			                 "Cannot %s. %s does not run on the CPU %s.", m->what, m->os->name, spec);
	return 0;
}

static int range_of(const char *at, char **end, int64_t max, int64_t *from, int64_t *to, struct err *e)
{
	if (!g_ascii_isdigit(*at))
		return err_set(e, ERR_INVALID, "a number is missing");
	*from = *to = g_ascii_strtoll(at, end, 10);
	if (**end == '-') {
		if (!g_ascii_isdigit((*end)[1]))
			return err_set(e, ERR_INVALID, "a number is missing behind '-'");
		*to = g_ascii_strtoll(*end + 1, end, 10);
	}
	if (**end && **end != ',')
		return err_set(e, ERR_INVALID, "'%c' is not understood", **end);
	if (*to < *from)
		return err_set(e, ERR_INVALID, "a range ends before it begins");
	if (*to >= max)
		return err_set(e, ERR_INVALID, "the last one is number %" G_GINT64_FORMAT, max - 1);
	return 0;
}

int vm_parse_cpu_set(const char *text, GArray *numbers, int64_t max, struct err *e)
{
	g_autofree bool *is_in = g_new0(bool, max + 1);
	const char *at = text ? text : "";
	char *end = (char *)at;

	while (*at) {
		bool is_out = *at == '^';
		int64_t from = 0, to = 0;

		if (range_of(at + is_out, &end, max, &from, &to, e) < 0)
			return -1;
		for (int64_t i = from; i <= to; i++)
			is_in[i] = !is_out;
		at = *end == ',' ? end + 1 : end;
		if (*end == ',' && !*at)
			return err_set(e, ERR_INVALID, "it ends with ','");
	}
	for (int64_t i = 0; i < max; i++)
		if (is_in[i])
			g_array_append_val(numbers, i);
	return numbers->len ? 0 : err_set(e, ERR_INVALID, "it names no CPU");
}

enum { MAX_HOST_CPUS = 4096 };

static int check_pin(const struct machine *m, const struct m_cpu_tune *ct, uint32_t i, struct err *e)
{
	const char *field = "vm.cpu.cpu_tune.vcpu_pins";
	const struct m_vcpu_pin *pin = ct->vcpu_pins.v[i];
	g_autoptr(GArray) set = g_array_new(FALSE, FALSE, sizeof(int64_t));
	struct err why = ERR_INIT;

	if (!pin->has.vcpu)
		return err_field(e, ERR_MISSING, field, "Cannot %s. A pin does not say which vcpu.", m->what);
	if (pin->vcpu < 0 || pin->vcpu >= m->cpus)
		return err_field(e, ERR_INVALID, field,
		                 "Cannot %s. Virtual CPU %" G_GINT64_FORMAT
		                 " is pinned, but the VM has %" G_GINT64_FORMAT " (0 to %" G_GINT64_FORMAT ").",
		                 m->what, pin->vcpu, m->cpus, m->cpus - 1);
	for (uint32_t k = 0; k < i; k++)
		if (ct->vcpu_pins.v[k]->vcpu == pin->vcpu)
			return err_field(e, ERR_INVALID, field,
			                 "Cannot %s. Virtual CPU %" G_GINT64_FORMAT " is pinned twice.", m->what,
			                 pin->vcpu);
	if (vm_parse_cpu_set(pin->cpu_set, set, MAX_HOST_CPUS, &why) < 0)
		return err_field(e, ERR_INVALID, field, "Cannot %s. The set of CPUs '%.60s' is wrong: %s.", m->what,
		                 pin->cpu_set ? pin->cpu_set : "", why.detail);
	return 0;
}

static int check_pins(const struct machine *m, struct err *e)
{
	const struct m_cpu_tune *ct = m->vm->cpu ? m->vm->cpu->cpu_tune : NULL;
	const struct m_vm_placement_policy *pp = m->vm->placement_policy;
	enum m_cpu_pinning_policy policy = m->vm->cpu_pinning_policy;
	bool has_pins = ct && ct->vcpu_pins.n;

	if (policy > M_CPU_PINNING_POLICY_MANUAL)
		return err_field(e, ERR_UNSUPPORTED, "vm.cpu_pinning_policy",
		                 "Cannot %s. The pinning policy %s is not supported; none and manual are.", m->what,
		                 m_enum_name(&M_ENUM_cpu_pinning_policy, (int)policy));
	if (policy == M_CPU_PINNING_POLICY_NONE && has_pins)
		return err_field(e, ERR_CONFLICT, "vm.cpu_pinning_policy",
		                 "Cannot %s. CPUs are pinned, so the pinning policy must be manual.", m->what);
	if (policy == M_CPU_PINNING_POLICY_MANUAL && !has_pins)
		return err_field(e, ERR_INVALID, "vm.cpu.cpu_tune.vcpu_pins",
		                 "Cannot %s. The pinning policy manual needs pins.", m->what);
	if (has_pins && (!pp || !pp->hosts.n))
		return err_field(e, ERR_INVALID, "vm.placement_policy.hosts",
		                 "Cannot %s. CPUs can be pinned only of a VM that is bound to a host.", m->what);
	for (uint32_t i = 0; has_pins && i < ct->vcpu_pins.n; i++)
		if (check_pin(m, ct, i, e) < 0)
			return -1;
	return 0;
}

/* ---- memory ---- */

static int check_memory(const struct machine *m, struct err *e)
{
	int64_t mb = m->vm->memory >> 20, limit = m->os->max_ram_mb[m->level], page = domain_hugepage_kib(m->vm);

	if (m->os->bits == 32)
		limit = MIN(limit, MAX_MEMORY_32_MB);
	if (mb > limit)
		return err_field(e, ERR_CONFLICT, "vm.memory",
		                 "Cannot %s. A VM with the operating system %s has %" G_GINT64_FORMAT
		                 " MB of memory at most (compatibility level 4.%d).",
		                 m->what, m->os->name, limit, m->level + 2);
	if (domain_property(m->vm, "hugepages") && (page <= 0 || m->vm->memory / 1024 % page != 0))
		return err_field(e, ERR_CONFLICT, "vm.custom_properties",
		                 "Cannot %s. Memory must be a multiple of the size of huge pages, which is "
		                 "%" G_GINT64_FORMAT " KiB.",
		                 m->what, page);
	return 0;
}

void vm_warn_memory(struct txn *t, const struct m_vm *vm, const struct event_refs *refs)
{
	const struct os_type *os = vm_os(vm);
	const struct m_cluster *cl = vm->cluster.id ? cluster_latest(txn_core(t), vm->cluster.id) : NULL;
	int max = os->max_ram_mb[domain_level(vm, cl) - 2];

	if (vm->memory >> 20 < os->min_ram_mb)
		txn_event(t, "VM_MEMORY_NOT_IN_RECOMMENDED_RANGE", refs,
		          "VM %s has %" G_GINT64_FORMAT " MB of memory; recommended for its operating system are %d to "
		          "%d MB.",
		          vm->name, vm->memory >> 20, os->min_ram_mb, max);
}

/* ---- screens ---- */

static int check_screens(const struct machine *m, struct err *e)
{
	const struct m_display *d = m->vm->display;
	enum m_graphics_type list[2];
	size_t n = domain_graphics(m->vm, list);
	bool has_spice = (n > 0 && list[0] == M_GRAPHICS_TYPE_SPICE) || (n > 1 && list[1] == M_GRAPHICS_TYPE_SPICE);
	int64_t monitors = d ? M_GET(d, monitors, 1) : 1;

	if (monitors != 1 && monitors != 2 && monitors != 4)
		return err_field(e, ERR_INVALID, "vm.display.monitors", "Cannot %s. A VM has 1, 2 or 4 monitors.",
		                 m->what);
	if (!d || n == 0)
		return 0;
	if (monitors > 1 && (!has_spice || (d->video_type && d->video_type != M_VIDEO_TYPE_QXL)))
		return err_field(e, ERR_CONFLICT, "vm.display.monitors",
		                 "Cannot %s. Several monitors need a SPICE console and the video type qxl.", m->what);
	if (d->video_type == M_VIDEO_TYPE_BOCHS && (!m->is_uefi || has_spice))
		return err_field(e, ERR_INVALID, "vm.display.video_type",
		                 "Cannot %s. The video type bochs goes with UEFI and a VNC console only.", m->what);
	if (M_GET(d, smartcard_enabled, false) && !has_spice)
		return err_field(e, ERR_INVALID, "vm.display.smartcard_enabled",
		                 "Cannot %s. Smart cards need a SPICE console.", m->what);
	return 0;
}

static int check_usb(const struct machine *m, struct err *e)
{
	const struct m_usb *u = m->vm->usb;

	if (u && M_GET(u, enabled, false) && u->type == M_USB_TYPE_LEGACY)
		return err_field(e, ERR_UNSUPPORTED, "vm.usb.type",
		                 "Cannot %s. The USB policy legacy is not supported; native is.", m->what);
	return 0;
}

/* ---- chipset and firmware ---- */

static int check_platform(const struct machine *m, struct err *e)
{
	const char *machine = m->vm->custom_emulated_machine;
	bool has_tpm = M_GET(m->vm, tpm_enabled, false);

	if (machine && *machine && (strstr(machine, "q35") ? !m->is_q35 : m->is_q35))
		return err_field(e, ERR_CONFLICT, "vm.custom_emulated_machine",
		                 "Cannot %s. The machine %.60s does not have the chipset %s, which the VM's BIOS type "
		                 "says.",
		                 m->what, machine, m->is_q35 ? "Q35" : "I440FX");
	if (m->is_uefi && m->os->bits == 32)
		return err_field(e, ERR_CONFLICT, "vm.bios.type", "Cannot %s. %s does not start with UEFI.", m->what,
		                 m->os->name);
	if (has_tpm && !m->is_q35)
		return err_field(e, ERR_UNSUPPORTED, "vm.tpm_enabled",
		                 "Cannot %s. A TPM needs the chipset Q35; the VM has I440FX.", m->what);
	if (has_tpm && strcmp(m->os->tpm, "unsupported") == 0)
		return err_field(e, ERR_UNSUPPORTED, "vm.tpm_enabled",
		                 "Cannot %s. The operating system %s does not support a TPM.", m->what, m->os->name);
	if (!has_tpm && strcmp(m->os->tpm, "required") == 0)
		return err_field(e, ERR_CONFLICT, "vm.tpm_enabled", "Cannot %s. %s needs a TPM.", m->what, m->os->name);
	if (m->vm->watchdog_model == M_WATCHDOG_MODEL_DIAG288)
		return err_field(e, ERR_INVALID, "vm.watchdogs",
		                 "Cannot %s. The watchdog diag288 is of S390 machines; i6300esb is supported.",
		                 m->what);
	return 0;
}

static int check_boot(const struct machine *m, struct err *e)
{
	const struct m_boot *b = m->vm->os ? m->vm->os->boot : NULL;

	for (uint32_t i = 0; b && i < b->devices.n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (b->devices.v[i] == b->devices.v[k])
				return err_field(e, ERR_INVALID, "vm.os.boot.devices",
				                 "Cannot %s. The boot device %s is given twice.", m->what,
				                 m_enum_name(&M_ENUM_boot_device, (int)b->devices.v[i]));
	return 0;
}

static int check_names(const struct machine *m, struct err *e)
{
	const struct m_serial_number *sn = m->vm->serial_number;
	const char *zone = m->vm->time_zone ? m->vm->time_zone->name : NULL;

	if (sn && sn->policy == M_SERIAL_NUMBER_POLICY_CUSTOM && (!sn->value || !*sn->value))
		return err_field(e, ERR_MISSING, "vm.serial_number.value",
		                 "Cannot %s. The serial number policy custom needs a value.", m->what);
	for (const char *at = zone; at && *at; at++)
		if (!g_ascii_isalnum(*at) && !strchr("/_+- ().", *at))
			return err_field(e, ERR_INVALID, "vm.time_zone.name", "Cannot %s. '%.60s' is no time zone.",
			                 m->what, zone);
	return 0;
}

int vm_check_hardware(struct core *c, const struct m_vm *vm, const char *what, struct err *e)
{
	struct machine m;

	look_at(c, vm, what, &m);
	if (check_topology(&m, e) < 0 || check_model(&m, e) < 0 || check_pins(&m, e) < 0 || check_memory(&m, e) < 0 ||
	    check_screens(&m, e) < 0 || check_usb(&m, e) < 0 || check_platform(&m, e) < 0 || check_boot(&m, e) < 0 ||
	    check_names(&m, e) < 0)
		return -1;
	if (vm_check_properties(c, vm, m.level + 2, what, e) < 0)
		return -1;
	return vm_check_numa(vm, false, what, e);
}

/* ---- slots ---- */

struct slots {
	int ide, sata, scsi, pci;
};

static void count_disk(struct slots *s, enum m_disk_interface i)
{
	s->ide += i == M_DISK_INTERFACE_IDE;
	s->sata += i == M_DISK_INTERFACE_SATA;
	s->scsi += i == M_DISK_INTERFACE_VIRTIO_SCSI;
	s->pci += i == M_DISK_INTERFACE_VIRTIO;
}

/* Cards that every machine of this kind has a slot taken by: graphics, and what the VM has switched on. */
static int count_fixed(const struct machine *m)
{
	const struct m_vm *vm = m->vm;
	const struct m_memory_policy *mp = vm->memory_policy;
	enum m_graphics_type list[2];

	return (domain_graphics(vm, list) > 0) + (!vm->virtio_scsi || M_GET(vm->virtio_scsi, enabled, true)) +
	       (!mp || M_GET(mp, ballooning, true)) + M_GET(vm, soundcard_enabled, false) +
	       (vm->watchdog_model != M_WATCHDOG_MODEL_NONE);
}

static int check_drives(const struct machine *m, const struct slots *s, enum m_disk_interface disk, struct err *e)
{
	const char *field = "disk_attachment.interface";

	if (disk == M_DISK_INTERFACE_IDE && m->is_q35)
		return err_field(e, ERR_CONFLICT, field,
		                 "Cannot %s. The chipset Q35 has no IDE; disks can have SATA, virtio or virtio_scsi.",
		                 m->what);
	if (disk == M_DISK_INTERFACE_SATA && !m->is_q35)
		return err_field(e, ERR_CONFLICT, field,
		                 "Cannot %s. The chipset I440FX has no SATA; disks can have IDE, virtio or "
		                 "virtio_scsi.",
		                 m->what);
	if (s->ide > IDE_SLOTS - 1)
		return err_field(
		    e, ERR_CONFLICT, field,
		    "Cannot %s. There are %d IDE slots, one of which the CD drive takes: a VM has %d disks "
		    "with an IDE interface at most.",
		    m->what, IDE_SLOTS, IDE_SLOTS - 1);
	if (s->sata > SATA_PORTS - 1)
		return err_field(e, ERR_CONFLICT, field,
		                 "Cannot %s. There are %d SATA ports, one of which the CD drive takes: a VM has %d "
		                 "disks with a SATA interface at most.",
		                 m->what, SATA_PORTS, SATA_PORTS - 1);
	if (s->scsi > SCSI_UNITS)
		return err_field(e, ERR_CONFLICT, field, "Cannot %s. A VM has %d disks with virtio_scsi at most.",
		                 m->what, SCSI_UNITS);
	return 0;
}

int vm_check_slots(struct core *c, const struct m_vm *vm, enum m_disk_interface disk, int nics, const char *what,
                   struct err *e)
{
	auto_pool p = pool_new();
	unsigned n_disks, n_nics;
	const struct m_disk_attachment **disks = vm_attachments(c, p, vm->id, &n_disks);
	struct slots s = { 0 };
	struct machine m;

	look_at(c, vm, what, &m);
	for (unsigned i = 0; i < n_disks; i++)
		count_disk(&s, disks[i]->interface);
	count_disk(&s, disk);
	if (disk && check_drives(&m, &s, disk, e) < 0)
		return -1;
	vm_nics(c, p, vm->id, &n_nics);
	s.pci += (int)n_nics + nics + count_fixed(&m);
	if ((nics || disk == M_DISK_INTERFACE_VIRTIO) && s.pci > m.os->max_pci)
		return err_field(
		    e, ERR_CONFLICT, nics ? "nic" : "disk_attachment.interface",
		    "Cannot %s. A VM has %d PCI devices at most (of 32 slots, without those of the board): "
		    "network interfaces, virtio disks, controllers, graphics and the like.",
		    what, m.os->max_pci);
	return 0;
}
