# Two commands do all the set-up: make grade, make test. make help lists the rest.

GO     ?= go
SEEDS  ?= 1000
export GOTOOLCHAIN = local

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the command: bin/grade
	$(GO) build -o bin/ ./cmd/grade

.PHONY: grade
grade: build ## grade the two bundled servers, a correct one and one with a planted bug
	@echo '== a correct server: every test must pass'
	bin/grade grader/testdata/correct
	@echo
	@echo '== a server that forgets its vote: tests must fail (exit code 1)'
	@bin/grade grader/testdata/example-bug; code=$$?; \
		if [ $$code -ne 1 ]; then echo "expected exit code 1, found $$code"; exit 1; fi
	@echo
	@echo 'Both verdicts are as expected.'

.PHONY: test
test: vet test-site test-browser test-edge test-go ## everything that CI runs

.PHONY: vet
vet: ## go vet and gofmt
	$(GO) vet ./...
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not gofmt'ed:" $$files; exit 1; fi

.PHONY: test-go
test-go: ## the Go tests
	$(GO) test -timeout 30m ./...

.PHONY: test-site
test-site: site ## the page's types and its tests in node, and that it builds
	cd site && npm run check && npm run test:unit

.PHONY: test-browser
test-browser: site ## the page's tests in Chromium
	sh .ci/chromium
	sh .ci/nginx
	cd site && npm run test:browser

.PHONY: edge
edge: site ## build the Worker and the site as Cloudflare gets them: bin/edge
	cd site && npm run edge

.PHONY: edge-dev
edge-dev: edge ## run the Worker with the site behind it in workerd on this machine
	cd site && npm run edge:dev

.PHONY: test-edge
test-edge: edge ## the Worker's tests in workerd and Chromium
	sh .ci/chromium
	cd site && npm run test:edge

.PHONY: edge-dry-run
edge-dry-run: edge ## what wrangler would publish, without an account (npx fetches wrangler)
	cd wasm/edge && PATH="$(CURDIR)/site/node_modules/.bin:$$PATH" WRANGLER_SEND_METRICS=false npx --yes wrangler@4.164.0 deploy --dry-run --outdir ../../bin/edge/dry-run

.PHONY: edge-hostile
edge-hostile: edge ## 1000 hostile requests: no 5xx (but what the engine says of no HTTP), nothing is kept
	cd site && npm run --silent edge:hostile

.PHONY: bench-edge
bench-edge: edge ## a dynamic route's p50 beside a hello-world Worker's, and the Worker's size
	cd site && npm run --silent bench:edge

.PHONY: measure-page
measure-page: site ## the page's sizes, frames a second, speed of the cluster in it
	sh .ci/chromium
	cd site && npm run measure

.PHONY: lighthouse
lighthouse: site ## Lighthouse's figures of the page (npx fetches Lighthouse)
	sh .ci/chromium
	cd site && npm run lighthouse

# Not npm ci: the lock file names packages for other systems that a registry
# may not have, and npm ci then refuses to begin.
site/node_modules: site/package-lock.json
	cd site && npm install --no-save --no-audit --no-fund
	@touch $@

.PHONY: site
site: site/node_modules ## build the page: site/dist
	cd site && npm run wasm && npm run toolchain && npm run build

.PHONY: serve
serve: site ## build the page and serve it on this machine
	cd site && npm run serve

.PHONY: test-page-long
test-page-long: site ## the page's verdict on the correct server, service and lock and 34 planted bugs is the command's; Firefox
	sh .ci/chromium
	cd site && npm run test:long

.PHONY: bench-page
bench-page: site ## what the coding pages cost: downloads, seconds to a verdict, to a type error
	sh .ci/chromium
	cd site && npm run --silent bench:page

.PHONY: player
player: site/node_modules ## rebuild the player that the command's HTML report embeds
	cd site && npm run player

.PHONY: pictures
pictures: build site/node_modules ## take the pictures of docs/replay.md again
	sh .ci/chromium
	cd site && npm run --silent pictures

.PHONY: seeds
seeds: ## the core and a correct server on SEEDS seeds (1000): no false alarm. Takes long
	RAFTLAB_SEEDS=$(SEEDS) $(GO) test -count=1 -timeout 0 -v -run 'TestCorePassesEveryTest|TestCorrectServerPassesEveryTest|TestEveryClockElects' ./grader

.PHONY: silent
silent: ## RUNS runs (10000) of a correct server, spread over the tests: no false alarm; SHARE=1/4 does a quarter
	RAFTLAB_RUNS=$${RUNS:-10000} RAFTLAB_SHARE=$(SHARE) $(GO) test -count=1 -timeout 0 -v -run '^TestSilence$$' ./grader

.PHONY: worlds
worlds: ## the core in 10,000 random worlds, and every bug planted into it (takes long)
	$(GO) test -count=1 -timeout 0 -run '^TestWorld$$' ./raft -seeds 10000
	$(GO) test -count=1 -timeout 0 -v -run '^TestPlantedBugs$$' ./raft -allbugs

.PHONY: bench
bench: ## where the time of a grading goes, and the ratio to the course's own suite
	$(GO) test -run '^$$' -bench . -benchtime 1x ./grader

.PHONY: bench-core
bench-core: ## the core beside etcd/raft and hashicorp/raft, and simulation speed
	cd raft/bench && $(GO) run .

.PHONY: cover-core
cover-core: ## the share of the core's statements that its tests run: at least 95 %
	@$(GO) test -count=1 -cover -coverprofile=/dev/null ./raft | tee /dev/stderr | \
		awk '/coverage:/ { sub("%", "", $$5); if ($$5 < 95) { print "below 95 %"; exit 1 }; found = 1 } END { if (!found) exit 1 }'

.PHONY: figure16
figure16: ## the paper's Figure 16 in virtual time: tables, and bin/figure16.svg
	@mkdir -p bin
	$(GO) run ./raft/figure16 -o bin/figure16.svg

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s)
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $${FUZZTIME:-20s} -fuzzminimizetime 20x $$p || exit 1; \
		done; done

.PHONY: golden
golden: ## rewrite the golden files
	$(GO) test ./raft ./grader/build ./grader/report ./cmd/grade -update

.PHONY: cross
cross: ## the command compiles for other systems, and what is written for each is vetted
	@for t in windows/amd64 darwin/arm64 linux/arm64; do \
		echo $$t; GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/grade || exit 1; \
		GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) vet ./cmd/grade ./grader/batch ./grader/build || exit 1; done

.PHONY: clean
clean: ## remove what was built
	rm -rf bin site/dist site/node_modules

.PHONY: hostile
hostile: ## all hostile submissions: attack, verdict, processor time, memory (takes long; ATTACKS=a regular expression of names)
	RAFTLAB_HOSTILE=$${ATTACKS:-.} $(GO) test -count=1 -v -timeout 30m -run '^TestHostile$$' ./grader/batch

.PHONY: power
power: ## every planted bug (BUGS=names, or a share: 2/12) is found by a default run, and named; FIRST=1 grades the bug's own part first, the others only if that passes (takes long)
	RAFTLAB_FIRST=$(FIRST) RAFTLAB_POWER=$${BUGS:-all} $(GO) test -count=1 -timeout 0 -v -run '^TestPower$$' ./grader

.PHONY: power-shrink
power-shrink: ## the same, and how short the scripts are to which its failures shrink (takes longer)
	RAFTLAB_FIRST=1 RAFTLAB_SHRINK=1 RAFTLAB_POWER=$${BUGS:-all} $(GO) test -count=1 -timeout 0 -v -run '^TestPower$$' ./grader

.PHONY: rebuilds
rebuilds: ## saved failures are the same runs in other builds of the command: without paths, with fused floats, for 32 bits with an interpreter
	RAFTLAB_REBUILD=all $(GO) test -count=1 -timeout 0 -v -run '^TestASavedFailureIsTheSameRunAfterARebuild$$' ./cmd/grade

.PHONY: vet-noise
vet-noise: ## what grade vet finds in correct servers (nothing), and in the folders of CODE=DIR
	RAFTLAB_VET=$(abspath $(CODE)) $(GO) test -count=1 -v -run '^TestVetNoise$$' ./grader

.PHONY: years
years: ## a correct solution in the shape of each year of the MIT lab on the whole lab
	RAFTLAB_YEARS=all $(GO) test -count=1 -timeout 0 -v -run TestEveryYear ./grader

.PHONY: race
race: ## planted data races are all found, the correct servers on RACE_SEEDS seeds (20) and those of the course's years have none (takes long)
	RAFTLAB_RACE=all RAFTLAB_RACE_SEEDS=$${RACE_SEEDS:-20} $(GO) test -count=1 -timeout 0 -v -run 'TestPlantedRaces|TestNoRaceInTheCorrectServer|TestRaceCheckOfCourses' ./grader/race ./grader

.PHONY: power-hunt
power-hunt: ## planted bugs that need a hunt are found by one, and shrunk (takes long)
	RAFTLAB_HUNT=needed $(GO) test -count=1 -timeout 0 -v -run '^TestHuntFinds$$' ./grader

.PHONY: power-hunt-kv
power-hunt-kv: ## what a hunt makes of each bug of the service and the lock (BUGS=names): budgets are not its business (takes long)
	RAFTLAB_HUNT_KV=$${BUGS:-all} $(GO) test -count=1 -timeout 0 -v -run '^TestHuntFindsInServices$$' ./grader

.PHONY: steering
steering: ## does a hunt find sooner when it continues worlds that showed something new? HUNTS hunts (4) of each bug (takes long)
	RAFTLAB_STEER=$${HUNTS:-4} $(GO) test -count=1 -timeout 0 -v -run '^TestSteering$$' ./grader

.PHONY: hunt-silent
hunt-silent: ## a hunt finds nothing in correct servers, over WORLDS worlds (2000; takes long)
	RAFTLAB_WORLDS=$${WORLDS:-2000} $(GO) test -count=1 -timeout 0 -v -run TestHuntIsSilent ./grader

.PHONY: bench-batch
bench-batch: ## submissions per core-minute, growth from 1 to 200, memory (takes long; BENCH_MINUTES a sitting, run it again to go on)
	@mkdir -p bin/bench-batch
	RAFTLAB_BENCH_BATCH=$(CURDIR)/bin/bench-batch RAFTLAB_BENCH_MINUTES=$(BENCH_MINUTES) $(GO) test -count=1 -timeout 0 -v -run TestBenchBatch ./grader/batch

.PHONY: chaos-batch
chaos-batch: ## kill -9 of batch, worker and nats-server at 20 random moments, twice: with and without a queue
	RAFTLAB_CHAOS=20 $(GO) test -count=1 -timeout 0 -v -run 'TestBatchWithAndWithoutQueue/IsKilled' ./cmd/grade

.PHONY: seeds-kv
seeds-kv: ## each test of the correct service and lock on SEEDS seeds (1000): no false alarm; SHARE=1/4 does a quarter. Takes long
	RAFTLAB_KV_SEEDS=$(SEEDS) RAFTLAB_SHARE=$(SHARE) $(GO) test -count=1 -timeout 0 -v -run TestCorrectServicePassesEveryTest ./grader

.PHONY: power-kv
power-kv: ## every bug planted into the service or the lock (BUGS=names, or a share: 1/4) is found by a default run, and named
	RAFTLAB_FIRST=$(FIRST) RAFTLAB_POWER_KV=$${BUGS:-all} $(GO) test -count=1 -timeout 0 -v -run '^TestPowerKV$$' ./grader

.PHONY: kvraft
kvraft: ## correct services of the MIT course on SEEDS seeds (20), and planted bugs on the whole lab. Takes long
	RAFTLAB_KV_SEEDS=$${SEEDS:-20} RAFTLAB_KVRAFT=all $(GO) test -count=1 -timeout 0 -v -run 'TestCourseService' ./grader
