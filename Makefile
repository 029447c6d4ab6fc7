# SPDX-License-Identifier: GPL-2.0-only
#
# domus: "make help" lists what can be made.
#
# Everything made lands in build/, in userspace/domctl/ and in the cache
# ($DOMUS_CACHE, else $XDG_CACHE_HOME/domus, else ~/.cache/domus), where kernels
# and whatever else takes minutes are kept by content.

RIG := selftests/rig
KTAP := $(RIG)/ktap --out build/check
DESTDIR ?=
PREFIX ?= /usr
export KDIR

all: module domctl tests

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make             the module, domctl and the tests (no QEMU needed)
## make deps        Debian packages that are missing (as root; else says which)
deps:
	@$(RIG)/deps build rig

## make module      build/module/domus.ko, for the running Debian 6.1 kernel or KDIR=
module:
	@$(RIG)/deps build
	@$(RIG)/build-module stock

## make domctl      userspace/domctl/domctl, its man page and completion
domctl:
	@$(RIG)/deps build
	@$(MAKE) -s -C userspace

## make tests       programs of selftests/, into build/
tests:
	@$(RIG)/deps build rig
	@for tier in $(wildcard selftests/host/Makefile selftests/guest/Makefile \
		selftests/guest/linux/Makefile \
		selftests/bench/Makefile); do \
		dir=$${tier%/Makefile}; \
		$(MAKE) -s -C $$dir OUT=$(CURDIR)/build/tests/$${dir##*/} || exit 1; \
	done
	@$(MAKE) -s -C selftests/unit

## make guest       the Linux guest (minutes the first time): build/guest/bzImage
guest:
	@$(RIG)/deps rig
	@mkdir -p build
	@dir=$$(guest-patches/build.sh) && dir=$$(printf '%s\n' "$$dir" | tail -n 1) && \
		ln -sfn "$$dir" build/guest

## make debian      a Debian for domains, and one for the host (root; minutes the first time),
##                  Linux's own selftests for them
debian:
	@$(RIG)/deps rig debian
	@$(RIG)/kselftests > /dev/null
	@[ "$$(id -u)" -ne 0 ] || $(RIG)/debian-root > /dev/null

## make demo        boots a stock Debian kernel, in it the module and a domain;
##                  leaves you at the domain's shell, or on no terminal shows it
demo: module domctl guest
	@$(RIG)/demo

## make check       lint, unit tests, fuzzers, the rig's own, all tests in the rig, a short CPU matrix
check: module domctl tests
	@$(RIG)/deps build rig lint fuzz debian
	@$(MAKE) -s -j 2 guest debian
	@$(KTAP) --rows 2 "host1=$(RIG)/run-tests --tier host --share 1/3" \
		"host2=$(RIG)/run-tests --tier host --share 2/3" \
		"host3=$(RIG)/run-tests --tier host --share 3/3" \
		matrix=$(RIG)/matrix "guest=$(RIG)/run-tests --tier guest" lint=$(RIG)/lint \
		self=$(RIG)/self-test unit=selftests/unit/run fuzz=selftests/fuzz/run \
		power=$(RIG)/power-cut native=$(RIG)/native "bench=selftests/bench/bench --short"

## make check-debug the tests in the rig on a KASAN, lockdep and kmemleak kernel
check-debug: domctl tests guest
	@$(RIG)/deps build rig debian
	@$(RIG)/build-debug-kernel > /dev/null
	@$(RIG)/build-module debug
	@$(KTAP) "debug=$(RIG)/run-tests --kernel debug"

## make bochs       tests on a CPU with PCIDs, in Bochs (an hour)
bochs: module domctl tests
	@$(RIG)/deps build rig bochs
	@$(KTAP) "bochs=$(RIG)/run-tests --emulator bochs --group bochs"

## make check-kcsan the same on a kernel that finds the module's data races
check-kcsan: domctl tests guest
	@$(RIG)/deps build rig debian
	@$(RIG)/build-debug-kernel kcsan > /dev/null
	@$(RIG)/build-module kcsan
	@$(KTAP) "kcsan=$(RIG)/run-tests --kernel kcsan"

## make soak        the full CPU matrix and the long tests
soak: module domctl tests guest
	@$(RIG)/deps build rig fuzz debian bochs
	@$(KTAP) "fuzz=selftests/fuzz/run --seconds 3600" "matrix=$(RIG)/matrix --full" \
		"soak=$(RIG)/run-tests --group soak" "power=$(RIG)/power-cut 5000" \
		"bochs=$(RIG)/run-tests --emulator bochs --group bochs" \
		costs=selftests/bench/smp-costs

## make bench       what operations cost natively, in a domain and with its peers, as a table,
##                  into selftests/bench/RESULTS.md, too; T=ROW: one of them; COMPARE=REV: beside
##                  another commit's domain
bench: module domctl tests guest
	@$(RIG)/deps build rig
	@mkdir -p build/bench
	@selftests/bench/bench --jobs 2 --io --smp $(if $(T),--row $(T)) $(if $(COMPARE),--compare $(COMPARE)) \
		$(if $(T)$(COMPARE),,--json build/bench/results.json \
		--svg selftests/bench/RESULTS.svg --page selftests/bench/RESULTS.md)

## make profile T=ROW  where the instructions of one operation go, by function; O="--function
##                  NAME": by line of one (selftests/bench/profile --help)
profile: module domctl tests guest
	@$(RIG)/deps build rig
	@selftests/bench/profile $(O) $(if $(T),$(T),$(error make profile T=ROW))

## make lint        checkpatch, sparse, cppcheck, clang-tidy, shellcheck, size limits
lint:
	@$(RIG)/deps build lint
	@$(KTAP) lint=$(RIG)/lint

## make unit        tests of pure logic in user space, under ASan and UBSan
unit:
	@$(RIG)/deps build rig
	@$(KTAP) unit=selftests/unit/run

## make install     module, domctl, man page, completion, udev rule and group
##                  (DESTDIR= PREFIX=/usr; the module goes to the kernel it is built for)
install: KVER = $(firstword $(shell modinfo -F vermagic build/module/domus.ko))
install: module domctl
	install -D -m 644 build/module/domus.ko $(DESTDIR)/lib/modules/$(KVER)/updates/domus.ko
	@$(MAKE) -s -C userspace install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
ifeq ($(DESTDIR),)
	getent group domus > /dev/null || groupadd --system domus
	depmod $(KVER)
	udevadm control --reload 2> /dev/null || :
endif

## make clean       removes what was made in the tree; the cache stays
clean:
	rm -rf build
	@$(MAKE) -s -C userspace clean

.PHONY: all help deps module domctl tests guest debian demo check check-debug check-kcsan soak bench profile lint unit install clean
