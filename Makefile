# The two commands of a newcomer: `make demo` and `make test`.
# Both do their own set-up on a Debian machine that has Rust and a C compiler.

CARGO ?= cargo
export CARGO

.PHONY: demo image lab sick dist reproducible advisories test lint lint-packaging unit lint-and-compile check-binary page-test screenshots cluster-test bench performance prepare vm clean

## demo: build, start a container without a shell, look into it
demo:
	$(CARGO) build --release --locked
	./scripts/demo

## image: spyhole:latest and spyhole:root, by docker, podman or buildah
image:
	./scripts/image

## lab: the images and two of the examples in manifests/, played by podman and looked into; docs/tour.md and docs/exercise.md
lab:
	$(CARGO) build --release --locked
	./scripts/lab

## sick: the ward of examples/sick: what `doctor` finds in sick containers, and what in sound ones
sick: prepare
	$(CARGO) build --release --locked
	./scripts/sick --write

## dist: a release for this machine, in target/dist: archive, package for Debian, chart, SBOM, checksums
dist:
	./scripts/dist

## reproducible: the same of the last commit in two folders; says whether each byte is the same
reproducible:
	./scripts/reproducible

## advisories: known vulnerabilities, crates that were withdrawn or abandoned; asks their database
advisories:
	target/tools/bin/cargo-deny --locked check advisories

## test: everything that guards a change
# The release build uses one processor for most of its time; what else is to be compiled uses the other. The tests
# of the page wait for a browser for most of theirs. Tests are not run below the first `make -j2`: what they start may
# keep one of its tokens, for which it would wait for ever.
test: prepare
	$(MAKE) -j2 check-binary lint-and-compile
	$(MAKE) -j2 --output-sync=target unit page-test

## prepare: install what the tests need (as root, by apt; otherwise say what is missing)
prepare:
	./scripts/prepare

## lint: format, clippy, documentation
lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets --test cluster --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" \
		$(CARGO) doc --no-deps --lib --document-private-items --locked

## lint-packaging: manifests, chart, workflows, the crate and what is linked, by what only reads them
lint-packaging:
	./scripts/lint-packaging

lint-and-compile: lint lint-packaging
	$(CARGO) test --locked --no-run

## unit: unit, property, container and documentation tests
unit:
	$(CARGO) test --locked
	$(CARGO) test --locked --features sample-section --test sample_section

## page-test: the page of `serve` in a real browser, and its types
page-test:
	$(CARGO) build --locked
	./scripts/page-test

## screenshots: docs/img, of a container made for that
screenshots: prepare
	$(CARGO) build --locked
	cd tests/page && npm run --silent screenshots

## check-binary: static, within its size, nothing of NSS in it
check-binary:
	./scripts/check-binary

## vm: a whole Debian in QEMU, with cgroup v2: what spyhole says of containers at their limits there
vm:
	$(CARGO) build --release --locked
	./scripts/vm

## cluster-test: a real cluster, that of KUBECONFIG (tests/cluster/main.rs says what it takes); not in `test`
cluster-test:
	$(CARGO) build --locked
	$(CARGO) test --locked --test cluster -- $(CASES)

## bench: compare spyhole with the tools that it replaces; exit 1 where a goal is missed
bench:
	$(CARGO) build --release --locked
	$(CARGO) run --release --locked -p compare -- all --check

## performance: the same, written into docs/performance.md
performance:
	$(CARGO) build --release --locked
	$(CARGO) run --release --locked -p compare -- all --write docs/performance.md

clean:
	$(CARGO) clean
