# Two commands need nothing but Python 3.11+ and make: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup run test simulate-faults chaos bench bench-stream bench-api bench-steady bench-step bench-inbox bench-state bench-million bench-models bench-usage bench-ledger bench-customer bench-learning bench-churn bench-learner soak check schemas format docs kafka-jars lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

setup: $(STAMP) ## Make .venv with everything that running and testing need

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed (found %d.%d): make PYTHON=python3.11 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup ## Run the whole service on the embedded broker and Redis, with simulated customers
	$(BIN)/cem up --history 120 --speed 600

test: setup ## Run the tests; what needs a real Kafka or Redis runs where they can be had
	@if command -v java >/dev/null && command -v mvn >/dev/null; then $(MAKE) --no-print-directory kafka-jars || true; fi
	$(BIN)/python -m pytest

SEEDS ?= 20000
simulate-faults: setup ## Hand-step the pipeline through SEEDS seeded histories of faults
	$(BIN)/python -m tests.faults --seeds $(SEEDS)

chaos: setup kafka-jars ## Kill, freeze, cut off and wipe real workers, Kafka and Redis for more than an hour
	nice $(BIN)/python -m tests.chaos

RUNS ?= 3
PEERS := .cache/bench
bench-stream: setup kafka-jars $(foreach peer,quix bytewax faust,$(PEERS)/$(peer)/.installed) $(PEERS)/kafka-streams/.built ## The stream job against Kafka Streams, Quix, Bytewax and plain Faust
	$(BIN)/python -m bench.stream --runs $(RUNS)

$(PEERS)/%/.installed: bench/peers/%.txt
	@test -x $(PEERS)/$*/bin/python || $(PYTHON) -m venv $(PEERS)/$*
	$(PEERS)/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(PEERS)/kafka-streams/.built: bench/peers/kafka-streams/pom.xml bench/peers/kafka-streams/src/StreamJob.java
	mvn --quiet --batch-mode --file $< -Dbench.build=$(CURDIR)/$(PEERS)/kafka-streams compile dependency:copy-dependencies
	@touch $@

bench: setup ## All benchmarks, one after the other; results in bench/results
	@missed=; for name in stream api steady step state rebuild million models; do \
		$(MAKE) --no-print-directory bench-$$name || missed="$$missed $$name"; done; \
	test -z "$$missed" || { echo "a target was missed in:$$missed"; exit 1; }

bench-api: setup kafka-jars ## Next best action against a bare FastAPI handler with one Redis GET
	$(BIN)/python -m bench.api

bench-steady: setup kafka-jars ## Delay and CPU at a steady 1,000 records a second
	$(BIN)/python -m bench.steady

.PHONY: bench-delivery
bench-delivery: setup kafka-jars ## How soon an alert reaches a topic, a stream and a webhook
	$(BIN)/python -m bench.delivery

bench-step: setup kafka-jars ## CPU a text message costs the stream job, in process and on the stream
	$(BIN)/python -m bench.step

bench-inbox: setup ## CPU of a text message that knows only its line
	$(BIN)/python -m bench.inbox

bench-state: setup ## What a typical household costs Redis
	$(BIN)/python -m bench.state_size

.PHONY: bench-rebuild
bench-rebuild: setup ## How fast a lane is made again from checkpoint and journal
	$(BIN)/python -m bench.rebuild

.PHONY: bench-recovery
bench-recovery: setup kafka-jars ## How soon a killed worker's lanes move again, and where the time goes
	$(BIN)/python -m bench.recovery

bench-million: setup kafka-jars ## Throughput with 1,000,000 customers in Redis against 10,000
	$(BIN)/python -m bench.million

bench-models: setup ## Quality, cost and size of the models on public data sets (CEM_BENCH_DATA)
	$(BIN)/python -m bench.models

bench-usage: setup ## Abuse of messages found, how soon, and at how many false alerts (CEM_BENCH_DATA)
	$(BIN)/python -m bench.usage

bench-ledger: setup ## How often the ledger's interval is wrong, and how often it finds a true effect
	$(BIN)/python -m bench.ledger

bench-customer: setup ## What is learnt of customers against what the simulator hides
	$(BIN)/python -m bench.customer --customers 200

bench-learning: setup $(PEERS)/boosting/.installed ## The models on simulated customers against the hidden truth, and churn against batch boosting (CUSTOMERS=2000)
	$(BIN)/python -m bench.learning --customers $(or $(CUSTOMERS),2000) --rows bench/results/churn_rows.npz

bench-churn: setup $(PEERS)/boosting/.installed ## Churn of 20,000 customers from the same rows: our recipes, batch boosting, the oracle (CUSTOMERS, SEED)
	$(BIN)/python -m bench.learning --customers $(or $(CUSTOMERS),20000) --seed $(or $(SEED),7) --models none --messages-every 5 --rows bench/results/churn_rows.npz

bench-learner: setup ## What a learner of five models costs at 1,000 examples a second
	$(BIN)/python -m bench.learner

MINUTES ?= 30
soak: setup kafka-jars ## Hold 3,000 records a second and API load for MINUTES, and watch memory, connections, lag
	$(BIN)/python -m bench.soak --minutes $(MINUTES)

check: setup ## Format, lint, types, import layers, generated pages
	$(BIN)/ruff format --check --output-format concise .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy scripts
	$(BIN)/lint-imports
	$(BIN)/python scripts/settings_doc.py --check
	$(BIN)/python scripts/topics_doc.py --check
	$(BIN)/python scripts/schemas.py --check
	$(BIN)/python scripts/events_doc.py --check
	$(BIN)/python scripts/sizing_doc.py --check

schemas: setup ## Write schemas/ and the events page again; refuses what would break the old
	$(BIN)/python scripts/schemas.py
	$(BIN)/python scripts/events_doc.py

format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## Write the generated pages again
	$(BIN)/python scripts/settings_doc.py
	$(BIN)/python scripts/topics_doc.py
	$(BIN)/python scripts/sizing_doc.py

kafka-jars: .cache/kafka/.copied ## Fetch the jars of the Apache Kafka that tests run on (needs Maven)

.cache/kafka/.copied: tests/servers/kafka-jars/pom.xml
	@rm -rf .cache/kafka/libs
	mvn --quiet --batch-mode --file $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.cache/kafka/libs
	@touch $@

lock: ## Resolve requirements.lock, and its part in the image, again (needs uv)
	uv pip compile pyproject.toml --group dev --extra parquet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --constraint requirements.lock --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet -o deploy/requirements.lock

clean: ## Remove what setup and runs made
	rm -rf $(VENV) .cem .cache build dist
