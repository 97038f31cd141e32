# Every target is one `companion` sub-command, run from the environment in .venv.
# Without make (Windows, conda): README.md, "Without make".
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
BENCH := $(VENV)/.bench
COMPANION := $(VENV)/bin/companion

.PHONY: course test lab record bench book matrix clean

course: $(READY)
	$(COMPANION) course

test: $(BENCH)
	$(COMPANION) test $(if $(ARGS),-- $(ARGS))

lab: $(READY)
	$(COMPANION) lab $(ARGS)

# Hours; can be stopped at any moment and goes on where it stopped. Nothing else should run.
record: $(READY)
	$(COMPANION) record $(ARGS)
	$(COMPANION) record --render

# About three hours: other libraries beside the companion. Nothing else should run.
bench: $(BENCH)
	$(COMPANION) record beside_peers costs $(ARGS)
	$(COMPANION) record --render

# make book ARGS="--repository owner/name --tag autumn-2026" writes that address everywhere first.
book: $(READY)
	$(COMPANION) book $(ARGS)

# Gigabytes the first time, since each column has a torch of its own; ARGS=oldest chooses one.
matrix: $(READY)
	$(COMPANION) matrix $(ARGS)

# Needs no environment, and must not build one only to tidy up.
clean:
	$(PYTHON) -m companion clean

$(READY): pyproject.toml .ci/constraints-tested.txt companion/data/assets.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else \
	  "make: Python 3.11 to 3.13 needed, found %d.%d; name another: make PYTHON=python3.12" \
	  % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -c .ci/constraints-tested.txt -e ".[lab,book,test]"
	$(COMPANION) assets install
	@touch $(READY)

$(BENCH): $(READY)
	$(VENV)/bin/python -m pip install -q -c .ci/constraints-tested.txt -e ".[lab,book,test,bench]"
	@touch $(BENCH)
