# SPDX-License-Identifier: GPL-2.0-only
#
# lib.mk: what the Makefiles of tests share.
#
#   TOP     the checkout
#   OUT     where this directory's programs go; the rig takes build/tests inside
#   LINUX   parts of linux-source-6.1: kselftest.h, kselftest_harness.h

TOP := $(realpath $(dir $(lastword $(MAKEFILE_LIST)))..)
TIER := $(notdir $(CURDIR))
OUT ?= $(TOP)/build/tests/$(TIER)
LINUX := $(shell $(TOP)/selftests/rig/linux-tree)
ifeq ($(LINUX),)
$(error linux-source-6.1 is needed: make deps)
endif

WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
INCLUDES := -I$(TOP)/uapi -idirafter $(LINUX)/tools/testing/selftests
CFLAGS ?= -O2 -g
