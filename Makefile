# SPDX-License-Identifier: Apache-2.0
#
# A thin front on meson and the scripts in tools/ and tests/. Everything that is
# made lands in build/, the demo environment in $(HOSTLER_DEMO_DIR).

export HOSTLER_DEMO_DIR ?= /var/lib/hostler-demo
BUILD ?= build
JOBS ?= $(shell nproc)

.PHONY: help all build portal run stop-vms clean-run test bench fuzz fmt lint coverage-api requirements install clean
.DEFAULT_GOAL := help

help: ## say what there is (this text)
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1 \2/p' Makefile | awk '{ printf "  %s %-13s ", $$1, $$2; \
		$$1 = $$2 = ""; sub(/^ */, ""); print }'

all: build ## is the same as make build

# Ninja follows changes of meson.build files, but does not see that a folder has got one.
$(BUILD)/release/build.ninja: $(shell find . \( -name '.?*' -o -name 'build*' \) -type d -prune -o -name meson.build -print)
	@tools/setup.sh run
	@meson setup $(if $(wildcard $@),--reconfigure) $(BUILD)/release --buildtype=debugoptimized -Dtests=false

build: $(BUILD)/release/build.ninja ## compile the Manager, the agent, the tools and the portals (PORTAL=no: without)
	@ninja -j$(JOBS) -C $(BUILD)/release
ifneq ($(PORTAL),no)
	@$(MAKE) --no-print-directory portal
endif

portal: $(BUILD)/portal/index.html ## build the portals alone

$(BUILD)/portal/index.html: $(shell find portal -name node_modules -prune -o -path portal/src/gen -prune -o -type f -print) \
		schema/api.json schema/inventory.json tools/gen_portal.py tools/api_schema.py tools/portal.sh
	@tools/setup.sh run
	@tools/portal.sh $(BUILD)/portal

run: ## start a Manager, an agent and a demo VM on this machine; again: resume them
	@tools/setup.sh run
	@$(MAKE) --no-print-directory build
	@BUILD=$(BUILD) tools/run.py start

stop-vms: ## shut down the demo VMs, which go on running when make run has ended
	@tools/run.py stop-vms

clean-run: ## remove all that make run made, VMs among it
	@tools/run.py clean

test: ## run all tests; the last line says how many passed and failed
	@tools/setup.sh test
	@BUILD=$(BUILD) /usr/bin/python3 tests/run.py

bench: ## measure, and print the figures
	@tools/setup.sh test
	@$(MAKE) --no-print-directory build
	@HOSTLER_BUILD=$(BUILD)/release $(BUILD)/venv/bin/python tests/bench/run.py

fuzz: ## run every fuzz target for FUZZ_SECONDS (an hour if not given)
	@tools/setup.sh test
	@BUILD=$(BUILD) FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600) /usr/bin/python3 tests/run.py fuzz

fmt: ## format all C sources in place
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format-14 -i

lint: ## check includes, licences and formatting without changing anything
	@/usr/bin/python3 tests/lint.py --format

requirements: ## count the requirements that tests show, by area (schema/requirements.tsv)
	@/usr/bin/python3 tools/requirements.py

coverage-api: build ## count the API operations that are implemented
	@$(BUILD)/release/manager/hostlerd coverage

# A build of its own, since paths go into the units and the programs. DESTDIR=/tmp/root PREFIX=/usr
PREFIX ?= /usr
install: ## compile for PREFIX (/usr) and install below DESTDIR: programs, units, users, folders
	@tools/setup.sh run
	@meson setup $(if $(wildcard $(BUILD)/package/build.ninja),--reconfigure) $(BUILD)/package --prefix=$(PREFIX) \
		--buildtype=debugoptimized -Dtests=false
	@ninja -j$(JOBS) -C $(BUILD)/package
	@DESTDIR=$(DESTDIR) meson install --no-rebuild -C $(BUILD)/package
ifneq ($(PORTAL),no)
	@$(MAKE) --no-print-directory portal
	@install -d $(DESTDIR)$(PREFIX)/share/hostler/portal
	@cp -R $(BUILD)/portal/. $(DESTDIR)$(PREFIX)/share/hostler/portal
endif

clean: ## remove what was built (the demo environment stays)
	@rm -rf $(BUILD)
