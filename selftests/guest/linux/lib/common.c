// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common.h"

uint32_t checksum_more(uint32_t sum, const void *data, size_t len)
{
	const unsigned char *p = data;

	sum ^= 2166136261U;
	while (len--)
		sum = (sum ^ *p++) * 16777619U;
	return sum ^ 2166136261U;
}

uint32_t checksum(const void *data, size_t len)
{
	return checksum_more(0, data, len);
}

static uint64_t word(uint64_t seed, size_t i)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + i * 0xbf58476d1ce4e5b9ULL;

	return x ^ x >> 29;
}

void fill(void *data, size_t len, uint64_t seed)
{
	uint64_t *p = data;
	size_t i;

	for (i = 0; i < len / 8; i++)
		p[i] = word(seed, i);
}

bool filled(const void *data, size_t len, uint64_t seed)
{
	const uint64_t *p = data;
	size_t i;

	for (i = 0; i < len / 8; i++) {
		if (p[i] == word(seed, i))
			continue;
		printf("# at byte %zu of %zu, %p: %#lx, not %#lx\n", i * 8, len,
		       (const void *)&p[i], p[i], word(seed, i));
		return false;
	}
	return true;
}

void *map_pages(size_t n)
{
	void *p = mmap(NULL, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p != MAP_FAILED)
		return p;
	printf("Bail out! no memory for %zu pages\n", n);
	exit(1);
}

uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

const char *read_knob(const char *path)
{
	static char line[256];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n < 0)
		return NULL;
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	return line;
}

bool write_knob(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, value, strlen(value)) == strlen(value);
	close(fd);
	return good;
}

void catch_signals(void (*handler)(int signo, siginfo_t *info, void *context))
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
	struct sigaction action = { .sa_sigaction = handler,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static char other[65536];
	stack_t stack = { .ss_sp = other, .ss_size = sizeof(other) };
	size_t i;

	sigaltstack(&stack, NULL);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}
