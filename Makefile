# Everything that a person does often. Each target installs what it needs (Debian 12 and newer, as root).

PY := .venv/bin/python
NOVA := 34.0.0
HOOKLESS_NOVA := 31.3.1
OLD_NOVA := 27.5.1
CARGO_LINT := -q --all-targets -- -D warnings

.PHONY: help deps build release demo test lint rust fuzz python faults situations matrix nova conformance debian-nova cloud cloud-all cloud-quick package plots valgrind deny bench bench-autopilot clean mutants simulate optimised dist deb installs publish-check guests soak soak-long load browser stubs docs pages recording forecasts prometheus fresh rpm ansible

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install system packages and make .venv
	@scripts/deps

build: deps ## build the extension module for development
	@echo "==> building"
	@.venv/bin/maturin develop --quiet

optimised: deps ## build the extension module with optimisations
	@echo "==> building (release)"
	@.venv/bin/maturin develop --quiet --release

demo: optimised ## show the bug and the cure on a real guest
	@$(PY) -m libvirt_migrate.lab.demo

test: lint rust fuzz python docs nova package cloud-quick ## everything that must pass

lint: deps ## formatting, clippy, ruff, and that the crate's documentation can be built
	@cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 || { \
		echo "error: this needs rustfmt and clippy: rustup component add rustfmt clippy" >&2; exit 1; }
	@echo "==> rustfmt, clippy, rustdoc, ruff"
	@cargo fmt --check
	@cargo clippy $(CARGO_LINT)
	@cargo clippy --features python $(CARGO_LINT)
	@RUSTDOCFLAGS="-D warnings" cargo doc -q --no-deps
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

rust: deps ## Rust tests; they need no Python and no daemon
	@echo "==> cargo test"
	@# One seed for the property tests, or a change would be blamed for chance; `make faults` draws others.
	@PROPTEST_RNG_SEED=1 cargo test --quiet

fuzz: deps ## the fuzz targets, for 20 seconds in all
	@echo "==> fuzz"
	@scripts/fuzz 20

python: build ## types, stubs and pytest with the lab
	@echo "==> mypy, stubtest"
	@.venv/bin/mypy
	@# Modules written in Python are their own types; the others only import where Nova is.
	@$(PY) -m mypy.stubtest libvirt_migrate._core
	@echo "==> pytest"
	@$(PY) -m pytest

simulate: deps ## a million simulated migrations; SCHEDULES=… says how many, SEED=… runs one and tells it (5 minutes)
	@echo "==> simulation"
	@cargo test --release --quiet --no-run --test simulation
	@SCHEDULES=$${SCHEDULES:-1000000} cargo test --release --quiet --test simulation schedules -- --nocapture
	@# What came one after the other in the lab does in the model.
	@PAIRS=250000 cargo test --release --quiet --test simulation reality

stubs: build ## the native module's docstrings into its stubs
	@$(PY) scripts/stub_docs.py
	@.venv/bin/ruff format --quiet python/libvirt_migrate/_core.pyi

pages: build ## docs/commands.md and the manual page, from the command's parser
	@$(PY) scripts/command_pages.py

recording: build ## docs/migrate.svg, the terminal of the README, from a migration in the lab
	@$(PY) scripts/recording.py

docs: deps ## the documents as a site, into target/site: strict, links checked, search (1 minute)
	@scripts/docs

browser: build ## what a person sees of reports in Chromium: on a phone, on a screen, on paper (1 minute)
	@scripts/deps chromium poppler-utils fonts-dejavu-core
	@$(PY) -m pytest tests/browser -m browser

ansible: build ## Ansible's module and role with a real ansible-core, in the lab (1 minute)
	@[ -x target/tools/ansible/bin/ansible-playbook ] || { python3 -m venv target/tools/ansible && \
		target/tools/ansible/bin/pip install --quiet --disable-pip-version-check 'ansible-core>=2.16,<3'; }
	@$(PY) -m pytest tests/ansible -m ansible

prometheus: build ## a real Prometheus scrapes migrations, answers the dashboard, checks the command's file (1 minute)
	@scripts/prometheus
	@$(PY) -m pytest tests/observing -m prometheus

faults: build ## fuzzing for ten minutes, the whole fault matrix, and docs/reliability.md from it (30 minutes)
	@echo "==> fuzz"
	@scripts/fuzz 600
	@echo "==> properties, with seeds that nobody has drawn"
	@PROPTEST_CASES=3000 cargo test --quiet --test rust properties
	@echo "==> fault matrix"
	@# One case holds a thread of QEMU's with it.
	@scripts/deps gdb
	@rm -rf target/faults.jsonl target/tapes
	@$(PY) -m pytest tests/faults -m "matrix or not matrix" --faults-record target/faults.jsonl --faults-tapes target/tapes
	@# What libvirt tells under these faults has to be what the simulation's model tells.
	@rm -rf tests/simulation/tapes && cp -r target/tapes tests/simulation/tapes
	@cargo test --quiet --test simulation reality
	@cd tests && ../$(PY) -m faults.page ../target/faults.jsonl ../docs/reliability.md

soak: build ## random migrations and faults in the lab for MINUTES=… (10); SEED=…, FIRST=… run one again; docs/reliability.md
	@# A clock of its own for the processes that ask for migrations.
	@scripts/deps libfaketime
	@echo "==> soak"
	@cd tests && ../$(PY) -m soak.run "$${MINUTES:-10}" "$${SEED:-}" ../target/soak.jsonl "$${FIRST:-0}"
	@cd tests && ../$(PY) -m soak.page ../target/soak.jsonl ../docs/reliability.md

soak-long: build ## 10,000 migrations of one process against libvirt's test driver and 500 in the lab; docs/reliability.md
	@echo "==> soak, long"
	@# Draws the plot.
	@.venv/bin/pip install --quiet --disable-pip-version-check 'matplotlib~=3.10'
	@cd tests && ../$(PY) -m soak.long ../docs/reliability.md ../docs/reliability-long.svg

load: build ## 100 guests, 20 at once, between daemons with libvirt's 20 workers; docs/reliability.md
	@echo "==> load"
	@cd tests && ../$(PY) -m soak.load ../docs/reliability.md

situations: build ## what plan says and what migrate then does, and the table of docs/checks.md from it (15 minutes)
	@echo "==> situations"
	@rm -f target/situations.jsonl
	@$(PY) -m pytest tests/plan -m "situation or not situation" --plan-record target/situations.jsonl
	@cd tests && ../$(PY) -m plan.page ../target/situations.jsonl ../docs/checks.md

guests: build ## guests as people have them, there and back, and docs/guests.md from it (15 minutes)
	@echo "==> guests"
	@rm -f target/guests.jsonl
	@code=0; $(PY) -m pytest tests/guests -n 2 -m "guests or not guests" --guests-record target/guests.jsonl || code=$$?; \
		(cd tests && ../$(PY) -m guests.page ../target/guests.jsonl ../docs/guests.md) && exit $$code

matrix: build ## hosts of Debian 12, 13 and unstable, every pair; docs/compatibility.md from it (8 minutes, the first time 15)
	@# What cannot be had is told by the run, cell by cell.
	@scripts/deps debootstrap || echo "debootstrap is not to be had"
	@for nova in $(HOOKLESS_NOVA) $(NOVA); do scripts/nova-venv $$nova || echo "Nova $$nova is not to be had"; done
	@echo "==> matrix of releases"
	@cd tests && code=0; ../$(PY) -m releases.run ../target/releases.jsonl || code=$$?; \
		../$(PY) -m releases.page ../target/releases.jsonl ../docs/compatibility.md && exit $$code

nova: build ## the drop-in's tests beside a real Nova, and Nova's own of the migration path
	@echo "==> Nova $(NOVA)"
	@scripts/nova-venv $(NOVA)
	@.nova/$(NOVA)/bin/python -m pytest tests/nova
	@scripts/conformance --quick --again

conformance: build ## Nova's own libvirt tests, stock against the drop-in, each series; some hours, goes on where it was ended
	@scripts/conformance

debian-nova: build ## the drop-in with Debian's own Nova packages, in a root of each release; their table in docs/nova.md (10 minutes)
	@scripts/deps debootstrap
	@cd tests && code=0; ../$(PY) -m distribution.run ../target/debian-nova.jsonl || code=$$?; \
		../$(PY) -m distribution.page ../target/debian-nova.jsonl && exit $$code

cloud: build ## a whole OpenStack on this machine: guests move, are rebooted, aborted, forced; the first time it gets all that it needs
	@scripts/cloud-deps $(NOVA)
	@cd tests && PYTHONPATH=../python:. ../.cloud/venv/bin/python -m cloud.run ../target/cloud.jsonl
	@cd tests && PYTHONPATH=../python:. ../.cloud/venv/bin/python -m pytest -q -m cloud cloud

cloud-quick: build ## two scenarios of it: a part of `make test` (3 minutes, the first time 4)
	@if [ "$$(id -u)" -ne 0 ]; then echo "==> no cloud: its hosts are network namespaces, which takes root"; else \
		scripts/cloud-deps $(NOVA) && cd tests && PYTHONPATH=../python:. ../.cloud/venv/bin/python -m cloud.run \
			../target/cloud-quick.jsonl --only "own disks" --only abort --limit 1500; fi

cloud-all: build ## every scenario there, beside Nova's own driver, in eventlet mode, with older Nova; docs/cloud.md from it (hours)
	@scripts/cloud-deps $(NOVA) $(HOOKLESS_NOVA) $(OLD_NOVA)
	@cd tests && code=0; PYTHONPATH=../python:. ../.cloud/venv/bin/python -m cloud.run ../target/cloud-all.jsonl --all || code=$$?; \
		PYTHONPATH=../python:. ../.cloud/venv/bin/python -m cloud.page ../docs/cloud.md ../target/cloud-all.jsonl && exit $$code

dist: deps ## what an index takes, into dist/, checked; each way to install it in clean roots; docs/install.md (30 minutes)
	@scripts/dist
	@$(MAKE) --no-print-directory installs

deb: deps ## Debian packages of what is in dist/, into dist/deb; lintian; docs/install.md (10 minutes, after make dist)
	@scripts/deb
	@$(MAKE) --no-print-directory installs

rpm: deps ## RPM packages of what is in dist/, into dist/rpm, built by Debian's rpmbuild (1 minute, after make dist)
	@scripts/rpm

installs: build
	@scripts/deps debootstrap
	@cd tests && code=0; ../$(PY) -m install.run ../target/install.jsonl || code=$$?; \
		../$(PY) -m install.page ../target/install.jsonl && exit $$code

fresh: build ## make demo, and what make test builds, in fresh roots of Debian 13 and 12; what is committed (30 minutes)
	@scripts/deps debootstrap
	@cd tests && ../$(PY) -m install.fresh ../target/fresh.jsonl

release: ## VERSION=1.2.3 [URL=…] [DRY=1]: the version, CHANGELOG, a commit and its tag
	@scripts/release "$(VERSION)" $(if $(URL),--url "$(URL)") $(if $(DRY),--dry-run)

publish-check: deps ## what crates' registry would say of the crate, which is built from its package (5 minutes)
	@cargo publish --dry-run --locked --allow-dirty --quiet

package: deps ## wheel and sdist, installed into empty environments
	@scripts/check-package

valgrind: build ## the libvirt layer under valgrind: its tests, a migration, the Python module
	@echo "==> valgrind"
	@scripts/valgrind

mutants: deps ## change the code in one place at a time: what do the tests not notice? docs/mutants.md from it (hours)
	@scripts/mutants

deny: deps ## licences, sources and known faults of every crate
	@echo "==> cargo-deny"
	@scripts/deny

plots: build ## draw the plots of docs/convergence.md anew
	@$(PY) scripts/plots.py

forecasts: build ## what Guest.forecast says and what then happens, in the lab; docs/convergence.md from it (6 minutes)
	@$(PY) bench/forecast.py docs/convergence.md
	@cp docs/convergence.md python/libvirt_migrate/cli/topics/

bench: optimised ## speed, as ratios within one run
	@scripts/nova-venv $(NOVA) release
	@.nova/$(NOVA)/bin/python bench/retarget.py
	@$(PY) bench/migrate.py
	@.nova/$(NOVA)/bin/python -W ignore bench/watch.py
	@$(PY) bench/command.py
	@.nova/$(NOVA)/bin/python bench/engine.py
	@cargo bench --quiet --bench params --bench retarget

bench-autopilot: optimised ## whole migrations beside flags chosen by hand, into docs/convergence.md (QUICK=1: a few cells)
	@$(PY) bench/autopilot.py --page $(if $(QUICK),--quick)

clean: ## remove what the targets made
	rm -rf target .venv .nova .cloud dist
