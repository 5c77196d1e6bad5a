# A thin wrapper: each target is a task of `python -m aggdist`, which works without make too.
#   TORCH=cpu make book        PyTorch without gigabytes of CUDA libraries (Linux without a GPU)
#   make runs ARGS="--list"    arguments for the task
#   make book PYTHON=python3.12
#   make check-assignment N=1                FILE=path and SEED=number are passed on too

TASKS := book figure zip pdf test test-full test-book bench runs verify check-assignment solutions lab clean clean-env help
ARGS ?=
MAKEFLAGS += --silent

# The first Python 3.11 to 3.13 that runs (a version manager's shim may be there and not run) and can make
# virtual environments; one that runs but cannot comes last, so that its message says what is missing.
define FIND_PYTHON
for check in 'import ensurepip, venv' 'pass'; do \
  for python in .venv/bin/python python3.13 python3.12 python3.11 python3 python; do \
    if "$$python" -c "import sys; assert (3, 11) <= sys.version_info[:2] <= (3, 13); $$check" >/dev/null 2>&1; \
    then echo "$$python"; exit; fi; \
  done; \
done
endef
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell $(FIND_PYTHON))
endif

.PHONY: $(TASKS)
.DEFAULT_GOAL := help

$(TASKS):
	@$(if $(PYTHON),,$(error No Python 3.11, 3.12 or 3.13 was found. Install one (Debian and Ubuntu: sudo apt-get install python3 python3-venv; macOS: brew install python@3.12) or name one: make $@ PYTHON=/path/to/python))
	@$(PYTHON) -m aggdist $@ $(WORDS) $(ARGS)

# Words of their own, so that students need no quotation marks.
WORDS =
check-assignment solutions: WORDS = $(N)
check-assignment: WORDS += $(if $(FILE),--file '$(FILE)') $(if $(SEED),--seed $(SEED))

# With `make -j`, what needs another named target waits for it.
after = $(filter $(1),$(MAKECMDGOALS))
book test test-full bench runs verify check-assignment solutions lab: | $(call after,clean clean-env)
test-book zip pdf: | $(call after,clean clean-env book)
verify: | $(call after,runs)
