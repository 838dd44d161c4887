# Berth: `make help` lists the targets. The steps themselves are in scripts/.
PREFIX ?= /usr/local

.DEFAULT_GOAL := help
.PHONY: help build demo test fuzz test-long compat man install uninstall bench bench-build bench-pull layout format lint clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the static program and the networked one into bin/
	@scripts/build.sh

demo: build ## Build, change and rebuild a web server's image, run it, and leave nothing behind
	@scripts/demo.sh

test: ## Install what the tests need, build, and run every test (as root)
	@scripts/test.sh

fuzz: ## Give every parser random input for ten minutes each (FUZZ_SECONDS=N)
	@scripts/fuzz.sh

test-long: ## The same with the large counts of repeated and random tests
	@BERTH_TEST_SCALE=10 scripts/test.sh

compat: build ## Write docs/compat.md anew from the program's tables
	scripts/compat.py bin/berth >docs/compat.md.new && mv docs/compat.md.new docs/compat.md

man: build ## Write docs/berth.1 anew from the program's tables
	bin/berth man >docs/berth.1.new && mv docs/berth.1.new docs/berth.1

install: build ## Install berth, berth-runtime, berth-monitor and berth-net below PREFIX
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 bin/berth "$(DESTDIR)$(PREFIX)/bin/berth"
	install -m 755 bin/berth-runtime "$(DESTDIR)$(PREFIX)/bin/berth-runtime"
	ln -sf berth "$(DESTDIR)$(PREFIX)/bin/berth-monitor"
	install -m 755 bin/berth-net "$(DESTDIR)$(PREFIX)/bin/berth-net"
	install -d "$(DESTDIR)$(PREFIX)/share/man/man1" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions"
	install -d "$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	install -m 644 docs/berth.1 "$(DESTDIR)$(PREFIX)/share/man/man1/berth.1"
	bin/berth completion bash >"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/berth"
	bin/berth completion zsh >"$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_berth"
	bin/berth completion fish >"$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/berth.fish"

uninstall: ## Remove what install made
	rm -f "$(DESTDIR)$(PREFIX)/share/man/man1/berth.1" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/berth"
	rm -f "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_berth" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/berth.fish"
	rm -f "$(DESTDIR)$(PREFIX)/bin/berth-runtime" "$(DESTDIR)$(PREFIX)/bin/berth-monitor" "$(DESTDIR)$(PREFIX)/bin/berth" "$(DESTDIR)$(PREFIX)/bin/berth-net"

bench: build ## Measure beside crun, runc, podman and docker (WRITE=1 writes docs/benchmarks.md)
	@WRITE=$(WRITE) Benchmarks/bench.sh

bench-build: build ## Measure building beside docker and buildah
	@Benchmarks/build.sh

bench-pull: build ## Measure pulling beside docker and podman
	@Benchmarks/pull.sh

layout: ## Record the functions of the usual commands anew, for the linker's order
	@scripts/layout/record.sh

format: ## Format the sources in place
	swift format format --in-place --recursive --parallel Package.swift Sources Tests

lint: ## Say what is not formatted
	swift format lint --strict --recursive --parallel Package.swift Sources Tests

clean: ## Remove everything that was built
	rm -rf .build .build-static .build-net .build-test .build-fuzz .build-fixtures bin
