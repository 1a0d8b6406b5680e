# `make run` and `make test` are all a newcomer needs; each sets up what it uses. `make help` lists the rest.
PORT ?= 8080
HOST ?= 127.0.0.1
PART ?= reporting
PEERS ?= quick
REQUESTS ?= 20000
PY := .venv/bin/python
export PORT HOST Q

.DEFAULT_GOAL := help
.PHONY: help run test unit train release evaluate evaluate-safety record migrate desk-user proposals check faults load bench speed ask format pictures privacy fuzz audit bom lock install install-dev clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 25

run: install  ## set up, train if needed, start the bot and print its address (PORT=8080)
	@$(PY) -W ignore -m scripts.run

test: install-dev  ## everything: format, lint, types, content, units, conversations and the widget in a browser
	@sh scripts/install_browser.sh
	@sh scripts/install_services.sh
	@sh scripts/install_tools.sh
	@sh scripts/install_promtool.sh
	@$(PY) -m scripts.check_code
	@$(PY) -m scripts.check_data
	@$(PY) -W ignore -m scripts.train
	@$(PY) -m pytest -m "not long"

privacy: install-dev  ## plants words in chats and crashes of the running bot, then searches disk, Redis and memory
	@sh scripts/install_services.sh
	@$(PY) -m pytest tests/test_privacy.py

fuzz: install-dev  ## made-up requests against the running bot (REQUESTS=20000): no error, no hang, no growth
	@sh scripts/install_tools.sh
	@$(PY) -m tests.fuzzing $(REQUESTS)

audit: install  ## known weaknesses of every package in the lock file (needs a network)
	@sh scripts/install_tools.sh
	@$(PY) -m scripts.audit

bom: install  ## the bill of materials of what runs, as CycloneDX, into var/bom.json
	@sh scripts/install_tools.sh
	@mkdir -p var
	@.tools/apart/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml \
		--output-reproducible --output-format JSON --output-file var/bom.json
	@echo "Written to var/bom.json"

unit: install-dev  ## the tests that need no trained model: seconds
	@$(PY) -m pytest -m "not model and not long"

train: install  ## train the model, if there is none for the present data
	@$(PY) -W ignore -m scripts.train

release: install  ## put the present models into data/trained, so that a first start need not train (30 MB more in git)
	@$(PY) -W ignore -m scripts.released

evaluate-safety: install-dev  ## how well it finds danger, on blind messages (figures only)
	@$(PY) -m scripts.evaluate_safety

evaluate: install-dev  ## how well it understands, beside other systems (PEERS=all: Rasa's default too, half an hour; PART=calibration)
	@$(PY) -m scripts.evaluate --part $(PART) --peers $(PEERS)

record: install-dev  ## record the figures that 'make test' holds later changes to
	@$(PY) -m scripts.evaluate --record

migrate: install  ## bring the tables of the database at DATABASE_URL up to date (a start does that too)
	@$(PY) -m scripts.migrate

desk-user: install  ## make, change or remove an account of the front desk (asks for name, role and password)
	@$(PY) -m scripts.desk_user

proposals: install-dev  ## training examples of what the desk's inbox says that questions mean, if nothing gets worse
	@$(PY) -m scripts.proposals

check: install-dev  ## format, lint, types and every rule of content
	@$(PY) -m scripts.check_code
	@$(PY) -m scripts.check_data

faults: install-dev  ## 20 visitors while processes are killed, stopped and restarted: ten minutes, figures in var/faults
	@sh scripts/install_services.sh
	@$(PY) -m tests.faults.harness

speed: install-dev  ## how long each page of the desk takes with a year's data, on SQLite and PostgreSQL: a minute or two
	@sh scripts/install_services.sh
	@$(PY) -W ignore -m scripts.train
	@$(PY) -m pytest -s tests/test_desk_speed.py

load: install-dev  ## how many turns a second it takes and how long visitors wait: ten minutes, tables in docs/load.md
	@sh scripts/install_services.sh
	@$(PY) -m tests.load.measure

bench: install-dev  ## how fast it is beside Rasa's least and its default: an hour alone, docs/benchmarks.md (BENCH="--reuse --only start")
	@sh scripts/install_services.sh
	@$(PY) -m scripts.bench $(BENCH)

ask: install  ## one question in the terminal, no servers: make ask Q="can pcos cause miscarriage?"
	@$(PY) -m scripts.ask "$$Q"

format: install-dev  ## let the formatter settle the layout
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix .

pictures: install-dev  ## take the pictures of the widget and of the desk in docs anew
	@sh scripts/install_browser.sh
	@$(PY) -m tests.browser.pictures
	@$(PY) -m tests.browser.desk_pictures

lock: install  ## renew the hashed lock files from pyproject.toml
	@sh scripts/lock.sh

install:
	@sh scripts/install.sh requirements.txt

install-dev:
	@sh scripts/install.sh requirements-dev.txt

clean:  ## remove the environment, models and working files
	rm -rf .venv .tools node_modules models var .rasa .pytest_cache .mypy_cache .ruff_cache
