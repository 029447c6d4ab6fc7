// SPDX-License-Identifier: GPL-2.0-only
/*
 * json [PATH]: succeeds when standard input is one JSON text and nothing else
 * (RFC 8259, to the letter), and with a PATH ("vcpu.0.exits") when there is a value
 * in that place, which is printed as it stands there.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

static const char *at;		/* what comes next */
static const char *path;	/* what is left of it, NULL: not on the way to the place */
static unsigned int depth;

static bool value(void);

static void blanks(void)
{
	at += strspn(at, " \t\r\n");
}

static bool expect(char c)
{
	if (*at != c)
		return false;
	at++;
	return true;
}

static bool escape(void)
{
	if (*at != 'u')
		return *at && strchr("\"\\/bfnrt", *at++);
	at++;
	for (int i = 0; i < 4; i++)
		if (!isxdigit((unsigned char)*at++))
			return false;
	return true;
}

static bool string(void)
{
	if (!expect('"'))
		return false;
	while (*at != '"') {
		if ((unsigned char)*at < 0x20)
			return false;
		if (*at++ == '\\' && !escape())
			return false;
	}
	return expect('"');
}

static bool digits(void)
{
	size_t n = strspn(at, "0123456789");

	at += n;
	return n;
}

static bool number(void)
{
	expect('-');
	if (!expect('0') && !digits())
		return false;
	if (expect('.') && !digits())
		return false;
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '+' || *at == '-';
		return digits();
	}
	return true;
}

static bool word(const char *text)
{
	size_t n = strlen(text);

	if (strncmp(at, text, n))
		return false;
	at += n;
	return true;
}

/* A member or element @name of @size bytes: on the way, or passed by. */
static bool member(const char *name, size_t size)
{
	const char *saved = path;
	size_t n = path ? strcspn(path, ".") : 0;
	bool good;

	path = path && n && n == size && !strncmp(path, name, n) ? path + n + (path[n] == '.') :
								   NULL;
	good = value();
	path = saved;
	return good;
}

static bool object(void)
{
	at++;
	blanks();
	if (expect('}'))
		return true;
	do {
		const char *name;

		blanks();
		name = at + 1;
		if (!string())
			return false;
		blanks();
		if (!expect(':') || !member(name, (size_t)(strchr(name, '"') - name)))
			return false;
	} while (expect(','));
	return expect('}');
}

static bool array(void)
{
	unsigned int i = 0;
	char name[16];

	at++;
	blanks();
	if (expect(']'))
		return true;
	do {
		snprintf(name, sizeof(name), "%u", i++);
		if (!member(name, strlen(name)))
			return false;
	} while (expect(','));
	return expect(']');
}

static bool found;

static bool value(void)
{
	bool here = path && !*path;
	const char *start;
	bool good;

	blanks();
	start = at;
	if (++depth > DEPTH_MAX)
		return false;
	if (*at == '{')
		good = object();
	else if (*at == '[')
		good = array();
	else if (*at == '"')
		good = string();
	else
		good = word("true") || word("false") || word("null") || number();
	depth--;
	if (good && here) {
		found = true;
		printf("%.*s\n", (int)(at - start), start);
	}
	blanks();
	return good;
}

int main(int argc, char **argv)
{
	static char text[1 << 20];
	size_t size = fread(text, 1, sizeof(text) - 1, stdin);

	at = text;
	path = argc > 1 ? argv[1] : NULL;
	if (!size || !value() || at != text + size) {
		fprintf(stderr, "no JSON, at byte %td of %zu\n", at - text, size);
		return 1;
	}
	if (argc > 1 && !found) {
		fprintf(stderr, "there is no %s\n", argv[1]);
		return 1;
	}
	return 0;
}
