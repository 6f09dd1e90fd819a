# `make demo` and `make test` each do all of their own set-up on a bare Debian 12 and can be run again.
SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help demo build web test test-web test-rust test-desk test-models lint models bench bench-line soak eval learn

help:
	@echo "make demo    one visit from the SMS to the scored report, on this machine"
	@echo "make test    everything that is tested"
	@echo "make build   the release binary with the pages of the console: $(TARGET)/release/huifang"
	@echo "make web     only those pages: web/dist"
	@echo "make bench   benchmarks (minutes)"
	@echo "make bench-line   recorded calls at once against SIPp: LINE=\"--calls 10,50\" (minutes, a machine that does nothing else)"
	@echo "make eval    scoring, facts and conduct over the labelled sets: docs/accuracy.md"
	@echo "make learn   the learned words of scoring and conduct from the labelled sets: src/domain/score/learned_zh.tsv (minutes)"
	@echo "make soak    simulated lines by the hundred, visits by the million: SEEDS=$(SEEDS) VISITS=$(VISITS)"

demo: build
	@echo "== fetching the speech models (once, about 220 MB)"
	$(TARGET)/release/huifang models fetch
	$(TARGET)/release/huifang demo $(DEMO)

build: web
	@echo "== set-up"
	scripts/setup build
	@echo "== building (about six minutes on two cores the first time)"
	cargo build --release --locked

# The pages: npm is asked only when the list of packages has changed, Vite only when a source has. The icon stands for the whole of
# web/dist: `build.rs` puts an index.html there when nothing is built, never an icon.
WEB_SOURCES := web/index.html web/package.json web/tsconfig.json web/vite.config.ts $(shell find web/src web/public web/mock -type f)

web: web/dist/favicon.svg

web/node_modules/.installed: web/package-lock.json
	@echo "== fetching the packages of the pages (npm, a quarter of a minute)"
	scripts/setup web
	cd web && npm ci
	touch $@

web/dist/favicon.svg: web/node_modules/.installed $(WEB_SOURCES)
	@echo "== building the pages of the console (a quarter of a minute)"
	cd web && npm run build

test: lint test-web test-rust test-desk test-models

lint:
	@echo "== set-up"
	scripts/setup build test
	@echo "== format and lints (the first build takes about ten minutes on two cores)"
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

# Types and units, then the built page in Chromium against the mock of web/mock (a minute).
test-web: web
	@echo "== tests of the pages"
	scripts/setup web test
	cd web && npm test
	cd web && npm run test:browser

# Everything that needs no speech model: minutes, once built. These tests place sounds to ±20 ms of real time, so they run when no whole call
# competes with them for two cores.
REAL_TIME = media:: truth::calls call::audio three_seconds_without_the_browsers_network a_recogniser_that_blocks_costs_live_text
test-rust:
	@echo "== tests without the speech models"
	cargo test --locked -- --skip with_models $(REAL_TIME:%=--skip %)
	@echo "== audio in real time"
	cargo test --locked -- $(REAL_TIME)

# The desk page in Chromium against the program that the tests have built (a quarter of a minute).
test-desk: web
	@echo "== the desk page against the engine"
	[ -x $(TARGET)/debug/huifang ] || cargo build --locked
	cd web && HUIFANG=$(abspath $(TARGET))/debug/huifang npm run test:engine

# Whole calls with real recognisers, in real time: one test at a time.
test-models: models
	@echo "== tests with the speech models: whole calls in real time (minutes)"
	cargo test --locked --test it with_models -- --test-threads=1 --nocapture

# The program that the tests have built does: building it alone would build every dependency again, with fewer features.
models:
	@echo "== fetching the speech models (once, about 220 MB)"
	[ -x $(TARGET)/debug/huifang ] || cargo build --locked
	$(TARGET)/debug/huifang models fetch

bench:
	scripts/setup build
	cargo bench --locked

# The real engine under load; the table is printed, every figure is in the JSON file.
LINE ?= --calls 10,50,100,200,400
bench-line:
	scripts/setup build test
	cargo bench --locked --bench line -- $(LINE) --json $(TARGET)/line.json

# Hours of drift, and for each seed a minute of another bad line with another far end; then a million visits of random days, half of them
# for the questionnaire and half for agents. The first seed that fails is named and fails again.
SEEDS ?= 500
VISITS ?= 500000
soak:
	scripts/setup build test
	HUIFANG_SOAK_SEEDS=$(SEEDS) cargo test --locked --test it truth::axis::
	HUIFANG_SIM_VISITS=$(VISITS) cargo test --locked --test sim any_ -- --nocapture

# The figures of docs/accuracy.md: the labelled answers and calls of tests/data/eval (seconds, once built).
# After the sets or the rules have changed; the same sets and rules make the same file.
learn:
	scripts/setup build test
	cargo run --release --locked --example learn_words

eval:
	scripts/setup build test
	HUIFANG_ACCURACY_REPORT=docs/accuracy.md HUIFANG_ACCURACY_DAY=$(shell date -u +%F) cargo test --locked --test it accuracy::
