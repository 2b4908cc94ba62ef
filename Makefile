# `make` lists the targets. Everything runs in .venv, which uv makes from uv.lock; uv itself is fetched if there is none.

UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --frozen --no-dev
DEV := $(UV) run --frozen
CORES ?= all
DEMO := --configfile config/demo.yaml
DEMO_ALL := $(DEMO) config/demo_all.yaml
# After a failure with a locked folder, name the make target: Snakemake's own message names a command outside of .venv.
LOCKED = || { code=$$?; ls .snakemake/locks/* >/dev/null 2>&1 && \
	echo "Another run is active in this folder, or one was killed. If it was killed: make unlock, then repeat the command." >&2; \
	exit $$code; }
# The report of a configuration, unless nothing has changed since it was made.
REPORT = test -f results/report.html && test -z "$$(find results/tables results/figures -type f -newer results/report.html)" \
	|| $(RUN) snakemake --report results/report.html $(1)
# The published files are in git, so Snakemake would take them for finished outputs.
ANEW := --forcerun publish
OWN = $(if $(CONFIG),--configfile $(CONFIG))
# Tests run in parallel, file by file, with one thread each; the slowest files come first.
TEST = OMP_NUM_THREADS=1 $(DEV) python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# After `make cpu` the environment stays as it is: uv would replace its PyTorch by that of the lock.
CPU_INDEX ?= https://download.pytorch.org/whl/cpu
WITHOUT_CUDA := .venv/without-cuda
ifneq ($(wildcard $(WITHOUT_CUDA)),)
export UV_NO_SYNC := 1
endif
# Compiled files in .venv halve the time that every process needs to import PyTorch.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup cpu demo demo-all all unlock plan progress imports benchmark report published publish-demo test test-all lint format envs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.tools/bin/uv:
	@python3 -m venv .tools 2>/dev/null && .tools/bin/python -m pip install --quiet --disable-pip-version-check uv \
		|| { rm -rf .tools && python3 -m pip install --quiet --disable-pip-version-check --target .tools uv; }

setup: $(UV) ## make the environment (.venv); EXTRA=slurm adds what a Slurm cluster needs
	@test -f $(WITHOUT_CUDA) || $(UV) sync --frozen --quiet $(if $(EXTRA),--extra $(EXTRA))

cpu: $(UV) ## instead of setup, once: PyTorch without CUDA, from its own index (a tenth of the download)
	@$(UV) sync --frozen --quiet $(shell sed -nE 's/^name = "(torch|torchvision|triton|nvidia-.*|cuda-.*)"/--no-install-package \1/p' uv.lock)
	@$(UV) pip install --quiet --no-deps --index-url $(CPU_INDEX) \
		$(shell sed -nE '/^name = "(torch|torchvision)"/{N;s/name = "(.*)"\nversion = "(.*)"/\1==\2/p}' uv.lock)
	@touch $(WITHOUT_CUDA)

demo: $(UV) ## the main job on the embedded data: MiSLAS and LADC on digits (3 minutes on two cores, no GPU)
	@$(RUN) snakemake --cores $(CORES) --prioritize results/tables/digits.csv $(DEMO) $(LOCKED)
	@$(call REPORT,$(DEMO))
	@echo
	@echo "Look at   results/report.html               everything, with captions"
	@echo "          results/tables/*.html             digits (MiSLAS), digits_ladc, digits_datasets (.md, .tex, .csv beside)"
	@echo "          results/rankings/*.html           which method to take on the digits"
	@echo "          results/figures/                  reliability diagrams and curves, as SVG and PNG"

demo-all: $(UV) ## the same with every method that runs, and with made-up titles
	@$(RUN) snakemake --cores $(CORES) $(DEMO_ALL) $(LOCKED)
	@$(call REPORT,$(DEMO_ALL))

all: $(UV) ## every table and figure of the papers (see README for what that takes)
	@$(RUN) snakemake --cores $(CORES) $(LOCKED)

unlock: $(UV) ## remove the lock that a killed run leaves behind; then repeat the command
	@$(RUN) snakemake --unlock $(DEMO)

plan: $(UV) ## show what a run will cost, before anything runs (CONFIG=config/demo.yaml: of another configuration)
	@$(RUN) longtail plan --cores $(CORES) $(OWN)

progress: $(UV) ## show how far a run is (CONFIG as for plan)
	@$(RUN) longtail progress --cores $(CORES) $(OWN)

imports: $(UV) ## write YAML that imports finished Stage 1s instead of training them (FROM=a folder, TO=a file; CONFIG as for plan)
	@$(RUN) longtail imports $(OWN) $(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)")

benchmark: $(UV) ## time Stage 1 on this machine for `make plan`, against the usual loop (some ten minutes)
	@$(RUN) python -m benchmarks.stage1 --record --rounds 3 --seconds 20
	@$(RUN) python -m benchmarks.report

report: $(UV) ## results/report.html of the default configuration
	@$(RUN) snakemake --report results/report.html

published: $(UV) ## the published tables of MiSLAS from the networks in git: no Stage 1 is trained (CONFIG as for plan)
	@$(RUN) snakemake results/published/mislas-cifar/manifest.json $(ANEW) --cores $(CORES) --configfile config/published.yaml config/networks.yaml $(CONFIG) $(LOCKED)
	@$(RUN) longtail published

publish-demo: $(UV) ## copy the tables and figures to results/published/demo
	@$(RUN) snakemake results/published/demo/manifest.json $(ANEW) --cores $(CORES) $(DEMO_ALL) $(LOCKED)

test: $(UV) ## all tests except slow ones (ARGS="tests/stage2 -k lws" for some of them)
	@$(TEST) -m "not slow" $(ARGS)

test-all: $(UV) ## every test (ARGS as for test)
	@$(TEST) $(ARGS)

lint: $(UV) ## ruff, snakefmt, snakemake --lint, mypy, hadolint, environment files
	@$(DEV) ruff check .
	@$(DEV) ruff format --check .
	@$(DEV) snakefmt --check Snakefile rules
	@$(DEV) snakemake --lint $(DEMO)
	@$(DEV) mypy
	@$(DEV) hadolint envs/Dockerfile
	@$(DEV) python envs/generate.py --check

format: $(UV) ## rewrite code in the house style
	@$(DEV) ruff check --fix --quiet . ; $(DEV) ruff format . && $(DEV) snakefmt Snakefile rules

envs: $(UV) ## write envs/*.yaml from uv.lock
	@$(DEV) python envs/generate.py

clean: ## remove results (not the published ones), caches and the environment
	rm -rf .venv .tools .snakemake alone .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find results -mindepth 1 -maxdepth 1 ! -name published -exec rm -rf {} +
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
