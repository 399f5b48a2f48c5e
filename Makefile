# Every target is one task of tools/run.py, which needs nothing but Python and runs on Windows too.
PYTHON ?= python3

.PHONY: help demo demo-full test test-slow test-containers lint bench build wheel images dictionary requirements clean

help:
	@$(PYTHON) tools/run.py --help

demo demo-full test test-slow test-containers lint bench build wheel images dictionary requirements clean:
	@$(PYTHON) tools/run.py $@
