# Thin on purpose: every recipe is one line that calls cargo or a script.

.PHONY: help demo lab test check check-qemu check-guest check-all test-long judges matrix bench clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

demo: ## fetch, build, boot; show the exchanges of guest and platform
	@scripts/demo.sh

lab: ## build everything a run needs (see pcclab env); KERNELS="6.12 debian debug": more
	@scripts/lab.sh $(KERNELS)

test: check-all ## all checks; what CI calls

check: ## minutes, offline once it has run: fmt, clippy, cargo test, doc, shellcheck
	@scripts/check.sh fast

check-qemu: ## the QEMU series: git am, checkpatch, build, qtests, tables
	@scripts/check.sh qemu

check-guest: ## boot guests, exchange messages, compare
	@scripts/check.sh guest

check-all: ## the three above
	@scripts/check.sh fast qemu guest

test-long: ## hours: each patch built alone, fuzzing, many boots; check.sh has its two parts
	@scripts/check.sh long-qemu long-guest

judges: ## other people's programs on our messages and tables; PCCD_UPDATE=1 writes docs/judges.md
	@scripts/check.sh judges

matrix: ## every platform on every kernel, into the table of the README
	@scripts/lab.sh 6.12 debian && PCCD_UPDATE=1 cargo test -q --locked --workspace --test platforms every_kernel -- --ignored --nocapture

bench: ## what pccd and a start cost, as ratios
	@scripts/lab.sh && cargo bench -q --locked -p pccd-tests --bench mailbox --bench start

clean: ## remove what was built in this clone (the cache stays)
	@cargo clean -q
