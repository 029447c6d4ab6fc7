// SPDX-License-Identifier: GPL-2.0-only
/*
 * decompress.c: payloads of a bzImage.
 *
 *   1. a decoder for each format, all of one shape
 *   2. the table that tells them by their first bytes
 *
 * The kernel's build puts the size of the result behind the data of every format
 * (gzip has it as part of the format), so each decoder knows its output's size
 * and anything else is damage.
 */
#include <lz4.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "decompress.h"

#define TRAILER 4

/* ---- 1. Decoders ---------------------------------------------------------- */

/* Fills exactly @out_size bytes. Return: whether it could. */
typedef bool decoder(const uint8_t *in, size_t size, uint8_t *out, size_t out_size);

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool decode_none(const uint8_t *in, size_t size, uint8_t *out, size_t out_size)
{
	if (size < out_size)
		return false;
	memcpy(out, in, out_size);
	return true;
}

static bool decode_gzip(const uint8_t *in, size_t size, uint8_t *out, size_t out_size)
{
	/* Both sizes are below 4 GiB: see decompress(). */
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)in,
		.avail_in = (uInt)size,
		.next_out = out,
		.avail_out = (uInt)out_size,
	};
	int result;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return false;
	result = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return result == Z_STREAM_END && !z.avail_out;
}

static bool decode_xz(const uint8_t *in, size_t size, uint8_t *out, size_t out_size)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret result;

	if (lzma_stream_decoder(&s, DECOMPRESS_MAX, 0) != LZMA_OK)
		return false;
	s.next_in = in;
	s.avail_in = size;
	s.next_out = out;
	s.avail_out = out_size;
	do
		result = lzma_code(&s, LZMA_FINISH);
	while (result == LZMA_OK && s.avail_out);
	if (result == LZMA_OK)	/* the output is complete, the check is not done */
		result = lzma_code(&s, LZMA_FINISH);
	lzma_end(&s);
	return result == LZMA_STREAM_END && !s.avail_out;
}

/* The legacy frame: a magic, then blocks of a 32-bit size and data. */
static bool decode_lz4(const uint8_t *in, size_t size, uint8_t *out, size_t out_size)
{
	const uint32_t magic = le32(in);
	size_t done = 0;
	size_t at = 4;

	while (done < out_size && size - at >= 4) {
		uint32_t block = le32(in + at);
		size_t room = out_size - done;
		int n;

		at += 4;
		if (block == magic)	/* frames may follow each other */
			continue;
		if (!block || block > size - at || block > INT32_MAX)
			return false;
		n = LZ4_decompress_safe((const char *)in + at, (char *)out + done, (int)block,
					room > INT32_MAX ? INT32_MAX : (int)room);
		if (n < 0)
			return false;
		at += block;
		done += (size_t)n;
	}
	return done == out_size;
}

static bool decode_zstd(const uint8_t *in, size_t size, uint8_t *out, size_t out_size)
{
	size_t frame = ZSTD_findFrameCompressedSize(in, size);
	size_t n;

	if (ZSTD_isError(frame))
		return false;
	n = ZSTD_decompress(out, out_size, in, frame);
	return !ZSTD_isError(n) && n == out_size;
}

/* ---- 2. Formats ----------------------------------------------------------- */

static const struct {
	const char *name;
	const char *magic;
	size_t length;
	size_t least;		/* bytes that a decoder may read unasked */
	decoder *decode;	/* NULL: known, not supported */
	bool keep_trailer;	/* the size is part of the format */
} formats[] = {
	{ "none",  "\177ELF",			4, 4, decode_none, false },
	{ "gzip",  "\037\213",			2, 18, decode_gzip, true },
	{ "xz",	   "\3757zXZ",			6, 32, decode_xz, false },
	{ "lz4",   "\002\041\114\030",		4, 8, decode_lz4, false },
	{ "zstd",  "\050\265\057\375",		4, 8, decode_zstd, false },
	{ "bzip2", "BZh",			3, 0, NULL, false },
	{ "lzma",  "\135\000\000",		3, 0, NULL, false },
	{ "lzo",   "\211LZO",			4, 0, NULL, false },
};

int decompress(const uint8_t *in, size_t size, uint8_t **out, size_t *out_size,
	       struct error *error)
{
	size_t f;

	for (f = 0; f < sizeof(formats) / sizeof(*formats); f++)
		if (size >= formats[f].length + TRAILER &&
		    !memcmp(in, formats[f].magic, formats[f].length))
			break;
	if (f == sizeof(formats) / sizeof(*formats))
		return error_set(error, EXIT_REFUSED, "image",
				 "bzImage with a payload of no known format");
	if (!formats[f].decode)
		return error_set(error, EXIT_REFUSED, "image",
				 "bzImage with a payload in %s: domctl reads gzip, xz, lz4, zstd "
				 "and uncompressed ones", formats[f].name);
	*out_size = le32(in + size - TRAILER);
	if (!*out_size || *out_size > DECOMPRESS_MAX || size > UINT32_MAX)
		return error_set(error, EXIT_REFUSED, "image",
				 "bzImage is damaged: a payload of %zu bytes", *out_size);
	*out = malloc(*out_size);
	if (!*out)
		return error_set(error, EXIT_REFUSED, "image", "no memory to decompress it");
	if (!formats[f].keep_trailer)
		size -= TRAILER;
	if (size < formats[f].least || !formats[f].decode(in, size, *out, *out_size)) {
		free(*out);
		*out = NULL;
		return error_set(error, EXIT_REFUSED, "image",
				 "bzImage is damaged: its %s payload does not decompress",
				 formats[f].name);
	}
	return 0;
}
