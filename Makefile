# make demo   everything for the demo, and the demo
# make test   everything for the tests, and all of them
# make demo-cluster   the same against nginx with nchan, two nodes over one Redis
# The rest are their parts. Set-up installs what is missing and nothing twice.

.PHONY: demo demo-cluster test setup-build setup-app setup-test setup-cluster setup-proxies setup-fallback setup-servers server pack crate lint test-native test-web test-texts test-docs test-hostile test-servers test-package test-packages chaos-client test-chaos chaos test-cluster test-proxies test-fallback test-libraries consumers test-examples app size bench bench-apps test-bench herd docs docs-serve test-site fuzz mutants audit msrv semver api release clean
# Each part sets itself up; two cores are kept busy by one of them.
.NOTPARALLEL:

demo: setup-build
	@echo "demo: 1 of 3, building the server (the first time about half a minute)"
	@$(MAKE) --no-print-directory -o setup-build server
	@echo "demo: 2 of 3, building the package from Rust, and the page's copy of it (about half a minute)"
	@$(MAKE) --no-print-directory -o setup-build pack
	@echo "demo: 3 of 3, starting the server; open the address below in a browser, and end it with Ctrl-C"
	@. scripts/env.sh && exec target/debug/everwire-demo --root =www --root pkg=pkg $(DEMO_ARGS)

demo-cluster: setup-cluster pack
	@. scripts/env.sh && exec node www/cluster/run.mjs $(DEMO_ARGS)

test: setup-test test-native pack test-web test-texts test-docs test-hostile test-package test-chaos

setup-build:
	@scripts/setup.sh build

setup-app:
	@scripts/setup.sh app

setup-test:
	@scripts/setup.sh test

setup-proxies:
	@scripts/setup.sh proxies

setup-fallback:
	@scripts/setup.sh fallback

setup-servers:
	@scripts/setup.sh servers

setup-cluster:
	@scripts/setup.sh cluster

server: setup-build
	@. scripts/env.sh && cargo build --quiet --locked -p everwire-demo

# Builds pkg/everwire-VERSION.tgz and prints its path last.
pack: setup-build
	@scripts/pack.sh

# Builds target/crate/everwire-VERSION.crate and prints its path last.
crate: setup-build
	@. scripts/env.sh && node scripts/crate.mjs

lint: setup-build
	@scripts/lint.sh

test-native: setup-build
	@. scripts/env.sh && cargo test --locked --workspace --features everwire/test-util
	@. scripts/env.sh && cargo test --locked --quiet -p everwire --lib core::tests::model -- --nocapture | grep '^model'
	@node --test --test-reporter=spec tests/seam/*.test.mjs

# The Rust API, with wasm-pack test, in the three engines; and one suite over both ports, the crate's and the package's.
test-web: setup-test server pack
	@scripts/test-web.sh
	@scripts/test-web.sh all --ports
	@scripts/test-web.sh chromium --features websocket
	@scripts/test-web.sh chromium --features sse

# The packed npm package, from pages, in the three engines.
test-package: setup-test server pack
	@. scripts/env.sh && node tests/browser/run.mjs all

# That the code, the types and the docs say the same of each option.
test-texts: setup-build pack
	@. scripts/env.sh && node tests/texts/run.mjs

# The examples of the README and docs: JavaScript's and TypeScript's have right types, the clients run in Chromium, Rust's compile.
test-docs: setup-test pack
	@. scripts/env.sh && node tests/docs/types.mjs && node --test-reporter=spec tests/docs/clients.mjs && node tests/docs/rust.mjs

# The servers of the docs in each language: they replay, tell what is gone, and keep other sites out.
test-servers: setup-servers pack
	@. scripts/env.sh && node --test-reporter=spec tests/docs/servers.mjs $(SERVERS_ARGS)

# Whoever is not well-meaning: the example servers that are Node's, with hostile requests and frames; the package with a hostile
# server and storage, in Node and in the three engines.
test-hostile: setup-test server pack
	@. scripts/env.sh && node --test --test-reporter=spec tests/hostile/examples.mjs tests/hostile/node.mjs tests/hostile/redirects.mjs
	@. scripts/env.sh && node tests/hostile/run.mjs $(or $(HOSTILE_ARGS),all)

# What is published: what is in both packages, their links, and that the crate's own tests pass from its package; and what set-up says.
test-packages: setup-build pack
	@. scripts/env.sh && node --test --test-reporter=spec tests/packages/*.test.mjs tests/setup/*.test.mjs

# The crate's client for chaos: tests/chaos/rust, into target/chaos.
chaos-client: setup-app
	@scripts/chaos.sh

# Faults without end, for the npm package and for the crate; test-chaos is the short run that belongs to `make test`.
chaos: setup-test server pack chaos-client
	@. scripts/env.sh && node tests/chaos/run.mjs $(or $(CHAOS_ARGS),all --faults 340)
	@. scripts/env.sh && node tests/chaos/sends.mjs $(or $(SENDS_ARGS),all --faults 70)
	@. scripts/env.sh && node tests/chaos/topics.mjs $(or $(TOPICS_ARGS),all --faults 70)
	@. scripts/env.sh && node tests/chaos/run.mjs $(or $(CHAOS_ARGS),all --faults 340) --client rust
	@. scripts/env.sh && node tests/chaos/sends.mjs $(or $(SENDS_ARGS),all --faults 70) --client rust
	@. scripts/env.sh && node tests/chaos/topics.mjs $(or $(TOPICS_ARGS),all --faults 70) --client rust
	@. scripts/env.sh && node tests/chaos/app.mjs $(or $(APP_ARGS),all --faults 70)

test-chaos: setup-test server pack chaos-client
	@. scripts/env.sh && node tests/chaos/run.mjs all --faults 12
	@. scripts/env.sh && node tests/chaos/run.mjs all --faults 6 --log 200
	@. scripts/env.sh && node tests/chaos/sends.mjs all --faults 6 --rate 500
	@. scripts/env.sh && node tests/chaos/topics.mjs all --faults 4
	@. scripts/env.sh && node tests/chaos/run.mjs all --faults 6 --client rust
	@. scripts/env.sh && node tests/chaos/sends.mjs all --faults 4 --rate 500 --client rust
	@. scripts/env.sh && node tests/chaos/topics.mjs all --faults 4 --client rust
	@. scripts/env.sh && node tests/chaos/app.mjs all --faults 8

# The configs of docs/proxies behind real browsers, and that each check can fail.
test-proxies: setup-proxies server pack
	@. scripts/env.sh && node tests/proxies/run.mjs $(PROXIES_ARGS)

# From WebSocket to what gets through: an nginx that refuses the upgrade, cuts it, or buffers; and that each check can fail.
test-fallback: setup-fallback server pack
	@. scripts/env.sh && node tests/fallback/run.mjs $(or $(FALLBACK_ARGS),all)

# graphql-ws, mqtt, socket.io and y-websocket on everwire's WebSocket, against their own servers.
test-libraries: setup-test pack
	@. scripts/env.sh && node tests/libraries/run.mjs $(or $(LIBRARIES_ARGS),all)

# nginx with nchan, two nodes over one Redis: what a client notices when one of them goes.
test-cluster: setup-test setup-cluster pack
	@. scripts/env.sh && node tests/cluster/run.mjs $(or $(CLUSTER_ARGS),chromium)

# The packed tarball in bundlers and frameworks.
consumers: setup-test server pack
	@. scripts/env.sh && node tests/consumers/run.mjs

# Each folder of examples/: installed from the packed tarball, started as its README says, its page used in Chromium.
test-examples: setup-servers setup-test pack
	@. scripts/env.sh && node --test-reporter=spec tests/examples/run.mjs $(EXAMPLES_ARGS)

# A Rust app with an allocator of its own on the crate; and one by each target of wasm-bindgen, in windows and workers of each kind.
app: setup-test server pack
	@scripts/app.sh
	@. scripts/env.sh && node tests/app/run.mjs $(or $(PLACES_ARGS),all)

# The site of docs/, into target/docs, with the package in its live demo; a link that leads nowhere is an error. docs-serve shows it on
# this machine: PORT=5173.
docs: setup-build pack
	@scripts/docs.sh build

# The built site in Chromium: on a phone and a desktop, light and dark. Then its live demo, below a path, in the three engines.
test-site: setup-test docs
	@. scripts/env.sh && node --test-reporter=spec tests/docs/site.mjs
	@DOCS_BASE=/some/place/ DOCS_OUT=target/docs-based scripts/docs.sh again
	@. scripts/env.sh && node --test-reporter=spec tests/docs/live.mjs

docs-serve: setup-build pack
	@scripts/docs.sh serve

size: pack
	@node scripts/size.mjs

bench: setup-test pack
	@. scripts/env.sh && node benches/websocket.mjs && node benches/sse.mjs && node benches/burst.mjs && node benches/fleet.mjs

# What a Rust app pays, in bytes, beside other libraries: 5 to 10 minutes.
bench-apps: setup-app
	@. scripts/env.sh && node benches/apps.mjs $(APPS_ARGS)

# That the benchmarks run, and that all in them give the same contents. No time is looked at.
test-bench: setup-test pack
	@. scripts/env.sh && node benches/websocket.mjs 1 2000 && node benches/sse.mjs 1 2 && node benches/burst.mjs 2000 && node benches/fleet.mjs 20

# A million of the core on a virtual clock, against servers that fail: 10 to 20 minutes and 1.5 GB. Prints the tables of
# docs/guide/herd.md and makes its drawing; fails above the bound. Fewer, and no drawing: HERD_ARGS=20000.
herd: setup-build
	@. scripts/env.sh && cargo run --quiet --locked --release -p everwire-herd -- $(or $(HERD_ARGS),1000000 docs/guide/herd.svg)

# 60 s of anything for the parser of event streams; 60 s of frames, answers, headers and storage contents for the package.
fuzz: pack
	@scripts/fuzz.sh 60 $(FUZZ_ARGS)

# Small changes to the core and the parser, each of which a test must notice: most of a day.
mutants:
	@scripts/mutants.sh

# Licences, sources and known holes of what is built with. What could not be asked for is said, and is not passed.
audit:
	@scripts/audit.sh

# The oldest compiler and the oldest dependencies that Cargo.toml admits.
msrv:
	@scripts/msrv.sh

# What changed since the last release that an app could notice at its build, in the types and in the crate: SEMVER_ARGS="--base REV".
semver: setup-build
	@. scripts/env.sh && node scripts/semver.mjs $(SEMVER_ARGS)

# Writes the crate's public API down anew: docs/reference/rust-api.txt, which lint compares.
api: setup-build
	@. scripts/env.sh && node scripts/api.mjs

# What a release would be: `make release VERSION=0.2.0`; with RELEASE_ARGS=--tag it becomes a commit and a tag.
release: setup-build
	@. scripts/env.sh && node scripts/release.mjs $(VERSION) $(RELEASE_ARGS)

clean:
	rm -rf target pkg node_modules
