/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Processor types of clusters, and the model and features that libvirt knows them by. */
static const struct cpu_model {
	const char *type, *spec;
} CPU_MODELS[] = {
	{ "Intel Nehalem Family", "Nehalem" },
	{ "Intel Westmere Family", "Westmere" },
	{ "Intel SandyBridge Family", "SandyBridge" },
	{ "AMD Opteron G4", "Opteron_G4" },
	{ "AMD Opteron G5", "Opteron_G5" },
	{ "AMD EPYC", "EPYC" },
	{ "Secure Intel Nehalem Family", "Nehalem,+spec-ctrl,+ssbd" },
	{ "Secure Intel Westmere Family", "Westmere,+pcid,+spec-ctrl,+ssbd" },
	{ "Secure Intel SandyBridge Family", "SandyBridge,+pcid,+spec-ctrl,+ssbd,+md-clear" },
	{ "Intel IvyBridge Family", "IvyBridge" },
	{ "Secure Intel IvyBridge Family", "IvyBridge,+pcid,+spec-ctrl,+ssbd,+md-clear" },
	{ "Intel Haswell Family", "Haswell-noTSX" },
	{ "Secure Intel Haswell Family", "Haswell-noTSX,+spec-ctrl,+ssbd,+md-clear" },
	{ "Intel Broadwell Family", "Broadwell-noTSX" },
	{ "Secure Intel Broadwell Family", "Broadwell-noTSX,+spec-ctrl,+ssbd,+md-clear" },
	{ "Secure AMD EPYC", "EPYC,+ibpb,+virt-ssbd" },
	{ "Intel Skylake Client Family", "Skylake-Client,-hle,-rtm,-mpx" },
	{ "Secure Intel Skylake Client Family", "Skylake-Client-noTSX-IBRS,+ssbd,+md-clear,-mpx" },
	{ "Intel Skylake Server Family", "Skylake-Server,-hle,-rtm,-mpx" },
	{ "Secure Intel Skylake Server Family", "Skylake-Server-noTSX-IBRS,+ssbd,+md-clear,-mpx" },
	{ "Intel Cascadelake Server Family", "Cascadelake-Server,-hle,-rtm,-mpx" },
	{ "Secure Intel Cascadelake Server Family", "Cascadelake-Server-noTSX,-mpx" },
	{ "Intel Icelake Server Family", "Icelake-Server-noTSX,-mpx" },
	{ "Secure Intel Icelake Server Family", "Icelake-Server-noTSX,+arch-capabilities,+rdctl-no,+ibrs-all,"
	                                        "+skip-l1dfl-vmentry,+mds-no,+pschange-mc-no,-mpx" },
	{ "Intel Sapphire Rapids Server Family", "SapphireRapids,-hle,-rtm" },
	{ "Secure Intel Sapphire Rapids Server Family", "SapphireRapids,+sbdr-ssdp-no,+fbsdp-no,+psdp-no,-hle,-rtm" },
	{ "AMD EPYC-Rome", "EPYC-Rome" },
	{ "Secure AMD EPYC-Rome", "EPYC-Rome,+ibrs,+amd-ssbd" },
	{ "AMD EPYC-Milan", "EPYC-Milan" },
	{ "AMD EPYC-Milan-v2", "EPYC-Milan,+vaes,+pclmulqdq,+stibp-always-on,+amd-psfd,"
	                       "+no-nested-data-bp,+lfence-always-serializing,+null-sel-crl-base" },
	{ "AMD EPYC-Genoa", "EPYC-Genoa" },
	{ NULL, NULL },
};
