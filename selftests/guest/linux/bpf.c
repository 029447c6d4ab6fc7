// SPDX-License-Identifier: GPL-2.0-only
/*
 * bpf.c: programs that the kernel compiles at run time.
 *
 *   1. bpf(): load, the size of the machine code, test runs, a map
 *   2. a classic filter on a socket
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest.h"
#include "common.h"

#define INSN(c, d, s, o, i) \
	((struct bpf_insn) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV(d, i)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define COPY(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ALU(op, d, i)	INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define ALUX(op, d, s)	INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define JUMP(op, d, i, o) INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define CALL(f)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* 1. bpf() */

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int load(const struct bpf_insn *insns, int n)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uint64_t)insns,
		.insn_cnt = n,
		.license = (uint64_t)"GPL",
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		ksft_print_msg("load: %s\n", strerror(errno));
	return fd;
}

static int machine_code(int fd)
{
	struct bpf_prog_info info = { };
	union bpf_attr attr = { .info = {
		.bpf_fd = fd, .info_len = sizeof(info), .info = (uint64_t)&info } };

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) ? -1 : (int)info.jited_prog_len;
}

static bool run(int fd, int repeat, uint32_t *result)
{
	char packet[64] = { };
	union bpf_attr attr = { .test = {
		.prog_fd = fd, .data_in = (uint64_t)packet, .data_size_in = sizeof(packet),
		.repeat = repeat } };

	if (bpf(BPF_PROG_TEST_RUN, &attr)) {
		ksft_print_msg("run: %s\n", strerror(errno));
		return false;
	}
	*result = attr.test.retval;
	return true;
}

/* A loop with a branch, arithmetic that the machine knows and a division. */
static bool test_arithmetic(void)
{
	const struct bpf_insn insns[] = {
		MOV(BPF_REG_0, 7),
		MOV(BPF_REG_1, 100),
		ALU(BPF_MUL, BPF_REG_0, 31),		/* again: */
		ALUX(BPF_ADD, BPF_REG_0, BPF_REG_1),
		JUMP(BPF_JSET, BPF_REG_1, 1, 1),
		ALU(BPF_XOR, BPF_REG_0, 0x55aa),
		ALU(BPF_DIV, BPF_REG_0, 3),
		ALU(BPF_AND, BPF_REG_0, 0xffffff),
		ALU(BPF_SUB, BPF_REG_1, 1),
		JUMP(BPF_JNE, BPF_REG_1, 0, -8),
		EXIT,
	};
	uint64_t expected = 7;
	uint32_t result;
	bool good;
	int fd = load(insns, ARRAY_SIZE(insns)), i, size;

	for (i = 100; i; i--) {
		expected = expected * 31 + i;
		if (!(i & 1))
			expected ^= 0x55aa;
		expected = expected / 3 & 0xffffff;
	}
	if (fd < 0)
		return false;
	size = machine_code(fd);
	ksft_print_msg("%d bytes of machine code\n", size);
	good = size > 0 && run(fd, 200, &result) && result == expected;
	close(fd);
	return good;
}

/* Looks an element up and counts in it: calls out of the machine code. */
static bool test_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8, .max_entries = 8 };
	int map = bpf(BPF_MAP_CREATE, &attr), fd;
	const struct bpf_insn insns[] = {
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 42),
		COPY(BPF_REG_2, BPF_REG_10),
		ALU(BPF_ADD, BPF_REG_2, -4),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		CALL(BPF_FUNC_map_lookup_elem),
		JUMP(BPF_JEQ, BPF_REG_0, 0, 3),
		MOV(BPF_REG_1, 3),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_0, 0, 0),
		EXIT,
	};
	uint32_t key = 42, result;
	uint64_t value = 1000;
	bool good;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uint64_t)&key;
	attr.value = (uint64_t)&value;
	if (map < 0 || bpf(BPF_MAP_UPDATE_ELEM, &attr))
		return false;
	fd = load(insns, ARRAY_SIZE(insns));
	good = fd >= 0 && machine_code(fd) > 0 && run(fd, 50, &result) && result == 1150 &&
	       !bpf(BPF_MAP_LOOKUP_ELEM, &attr) && value == 1150;
	close(fd);
	close(map);
	return good;
}

/* Many are loaded and thrown away: text is written, protected, freed and written again. */
static bool test_many(void)
{
	uint32_t result;
	int i, fd;

	for (i = 0; i < 100; i++) {
		const struct bpf_insn insns[] = { MOV(BPF_REG_0, i * 3), EXIT };

		fd = load(insns, ARRAY_SIZE(insns));
		if (fd < 0 || !run(fd, 1, &result) || result != i * 3)
			return false;
		close(fd);
	}
	return true;
}

/* 2. Lets through what begins with an odd byte, of that the first 4. */
static bool test_socket_filter(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 4),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };
	int ends[2], i;
	char packet[8], got[8];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) ||
	    setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		return false;
	for (i = 0; i < 100; i++) {
		memset(packet, i, sizeof(packet));
		if (send(ends[0], packet, sizeof(packet), 0) != sizeof(packet) && (i & 1))
			return false;
		if (recv(ends[1], got, sizeof(got), 0) != (i & 1 ? 4 : -1))
			return false;
	}
	return true;
}

int main(void)
{
	ksft_print_header();
	if (!write_knob("/proc/sys/net/core/bpf_jit_enable", "1") ||
	    strcmp(read_knob("/proc/sys/net/core/bpf_jit_enable") ?: "", "1"))
		ksft_exit_skip("no BPF JIT, or not root\n");
	ksft_set_plan(4);
	ksft_test_result(test_arithmetic(), "arithmetic\n");
	ksft_test_result(test_map(), "map\n");
	ksft_test_result(test_many(), "many programs\n");
	ksft_test_result(test_socket_filter(), "socket filter\n");
	ksft_finished();
}
