# CarbonSeal 碳印. Every target installs what it needs, prints what it does, and may be run again.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
NODE_DIR = $(shell tools/node-dir.sh $(VENV))
WITH_NODE = PATH="$(NODE_DIR):$$PATH"
NPM_CI = $(WITH_NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
DIR ?= demo

.PHONY: help setup demo test test-slow bench lint fmt docs contracts consortium lock clean

help: ## this list 本列表
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

setup: $(VENV)/.ready hardhat-net/node_modules/.ready fonts/node_modules/.ready verifier-portal/node_modules/.ready ## install Python and npm packages 安装

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@echo "== Python packages, hash-locked 安装 Python 依赖"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install --quiet --require-hashes -r requirements/dev.txt --python $(BIN)/python
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable . --python $(BIN)/python
	@touch $@

%/node_modules/.ready: %/package-lock.json $(VENV)/.ready
	@echo "== npm packages of $* 安装 npm 依赖"
	@cd $* && $(NPM_CI)
	@touch $@

demo: $(VENV)/.ready hardhat-net/node_modules/.ready fonts/node_modules/.ready ## a plant's readings become certificates, checked offline 演示全流程 (ONCE=1 ends after the job; DIR=, DAYS=)
	@tools/system-packages.sh demo
	@$(BIN)/carbonseal demo --dir $(DIR) $(if $(ONCE),--once) $(if $(DAYS),--days $(DAYS))

test: setup ## all tests 测试
	@tools/system-packages.sh test
	@$(MAKE) --no-print-directory lint
	@echo "== verifier-portal: the rules in TypeScript"
	@cd verifier-portal && $(WITH_NODE) npm run --silent build && $(WITH_NODE) npm test --silent
	@echo "== hardhat-net: the contracts under Hardhat"
	@cd hardhat-net && $(WITH_NODE) npx --no-install hardhat test
	@$(WITH_NODE) $(BIN)/pytest -n 2 --dist loadfile -m "not slow" $(ARGS)

test-slow: setup ## long kills, byte flips, fuzzing, PostgreSQL and Redis runs 长时测试
	@tools/system-packages.sh test-slow
	@$(WITH_NODE) tools/with-postgres.sh $(BIN)/pytest -m slow --timeout=3600 $(ARGS)

bench: setup ## figures as JSON lines 基准 (ONLY=ledger,accept,chain,verify,http,mrv,demo; QUICK=1)
	@$(WITH_NODE) $(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

lint: setup ## ruff, mypy --strict, import-linter 静态检查
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

fmt: setup ## sort imports and apply the safe fixes 整理
	@$(BIN)/ruff check --fix .

docs: setup ## regenerate what is generated and check the rest 文档检查
	@$(BIN)/python -m tools.docs

contracts: setup ## compile the contracts and write their artifacts 编译合约
	@$(WITH_NODE) $(BIN)/python -m contracts.compile

consortium: ## the multi-validator network: not part of this release, see docs/claims.md 多节点联盟链
	@echo "consortium: the QBFT network is not part of this release; seals are checked by ledger/anchor/qbft.py against recorded headers." >&2
	@echo "联盟链多节点网络不在本版本内；封印校验见 ledger/anchor/qbft.py 与 docs/claims.md。" >&2
	@exit 3

lock: ## write the lock files again 更新锁定文件
	@tools/lock.sh $(BIN)

clean: ## remove what set-up and runs made 清理
	@rm -rf $(VENV) {hardhat-net,fonts,verifier-portal}/node_modules verifier-portal/dist demo .cache build *.egg-info
