# AUTON: `make demo` shows a goal become a merged change, `make test` runs every test there is.
# Both install what is missing first (setup.sh), into the system through apt and into .venv/.

# The goal and the options of `make demo`; they reach `auton run` as they are, by the environment.
GOAL = Add a console command `uptime` that answers with the seconds since boot, on all three architectures, \
with KTAP tests.
override export GOAL := $(value GOAL)
override export MODEL := $(value MODEL)
override export MODE := $(value MODE)
override export BUDGET := $(value BUDGET)
# Further options of pytest: make test ARGS="-k verify"
ARGS =

AUTON = .venv/bin/auton
.DEFAULT_GOAL = help
.PHONY: help setup setup-slm demo demo-slm test crash-test crash-demo lint verify bench bench-slm same-numbers check-workflows doctor clean distclean

help:
	@echo "make demo      a goal, from its issue to landed, booting code; GOAL='…' MODEL=… MODE=… BUDGET=…"
	@echo "make demo-slm  a model, from its goal to the kernels that boot with it (a replay)"
	@echo "make test      every test there is; ARGS='-k verify' picks some"
	@echo "make verify    build, boot and judge the kernels on every architecture"
	@echo "make setup     only install what is missing; make setup-slm also the SLM's packages (1.7 GB)"
	@echo "make doctor    check this machine"
	@echo "make lint      ruff"
	@echo "make bench     the figures, measured here; make bench-slm only those of the SLM's engine"
	@echo "make same-numbers   every engine of the SLM over the same held-out sentences"
	@echo "make crash-test     kill the bot after every single call of a run; make crash-demo: the demo, struck by SIGKILL"
	@echo "make check-workflows   the workflow files and the runner's expressions against GitHub's own code (npm)"
	@echo "make clean     remove what was built; make distclean also .venv/ and .auton/"

setup: .venv/.ready-demo
	@:

setup-slm: .venv/.ready-slm
	@:

demo: .venv/.ready-demo
	@$(AUTON) run $${MODE:+--mode "$$MODE"} $${MODEL:+--model "$$MODEL"} $${BUDGET:+--budget "$$BUDGET"} -- "$$GOAL"

demo-slm: .venv/.ready-slm
	@$(AUTON) run --mode slm_training -- "Train the debug SLM"

test: .venv/.ready-test
	@.venv/bin/ruff check .; lint=$$?; .venv/bin/python -m pytest -n auto $(ARGS) && exit $$lint

# One whole run for every call that the bot makes to the forge, dying right after it: about half an hour.
crash-test: .venv/.ready-test
	.venv/bin/python -m tests.reconcile.crash

# The demo, struck by SIGKILL at random moments, three times over.
crash-demo: .venv/.ready-demo
	.venv/bin/python -m tests.crash_demo

lint: .venv/.ready-test
	.venv/bin/ruff check .

verify: .venv/.ready-demo
	@$(AUTON) verify $(ARGS)

bench: .venv/.ready-test
	@for file in $$(find tests -name 'bench_*.py' | sort); do PYTHONPATH=. .venv/bin/python "$$file" || exit; done

bench-slm: .venv/.ready-test
	@.venv/bin/python -m tests.SLM.bench_slm

# Every engine over the same held-out sentences of the shipped model: some minutes.
same-numbers: .venv/.ready-test
	@.venv/bin/python -m tests.SLM.same_numbers $(ARGS)

check-workflows: .venv/.ready-test
	@.venv/bin/python tests/runner/dev/check.py $(ARGS)

doctor: .venv/.ready-demo
	@$(AUTON) doctor

# Everything setup.sh reads: a change to it looks for what is missing now.
.venv/.ready-demo .venv/.ready-slm .venv/.ready-test: setup.sh pyproject.toml constraints.txt
	@sh setup.sh $(subst .venv/.ready-,,$@)

clean:
	@[ ! -f kernels/Makefile ] || $(MAKE) -s -C kernels clean
	@rm -rf SLM/build .pytest_cache .ruff_cache .hypothesis

distclean: clean
	@rm -rf .venv .auton
