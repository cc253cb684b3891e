/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug files as distributions ship them: ELF, or ELF packed by gzip (1f 8b), xz (fd "7zXZ" 00)
 * or zstd (28 b5 2f fd). Packed ones are unpacked into an anonymous file (memfd), which libelf
 * maps like any other.
 */
#include "sym/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_LZMA
#include <lzma.h>
#endif

/* Needed to unpack: kernel modules use windows up to 128 MiB (zstd -22 --ultra). */
#define WINDOW_LOG_MAX 27
#define XZ_MEMORY_MAX  (UINT64_C(256) << 20)

enum { IN_BYTES = 128 << 10, OUT_BYTES = 256 << 10 };

struct unpack {
	const char *path;
	int in, out;
	uint64_t max_bytes;
	uint64_t in_bytes, out_bytes; /* so far */
	uint8_t *in_buf, *out_buf;
};

static struct km_error *damaged(const struct unpack *u, const char *packer, const char *why)
{
	return km_error_at(u->path, u->in_bytes, "cannot unpack the %s data: %s", packer, why);
}

/* The next piece of packed data; *ret is 0 at its end. */
static struct km_error *fill(struct unpack *u, size_t *ret)
{
	ssize_t got;

	do
		got = read(u->in, u->in_buf, IN_BYTES);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return km_error_os(KM_ERR_INPUT, u->path, errno, "cannot read");
	u->in_bytes += (uint64_t)got;
	*ret = (size_t)got;
	return NULL;
}

/* Writes out the first `size` bytes of the output buffer. */
static struct km_error *drain(struct unpack *u, size_t size)
{
	size_t done = 0;

	u->out_bytes += size;
	if (u->out_bytes > u->max_bytes)
		return km_error_create(KM_ERR_INPUT, u->path,
				       "unpacks to more than %" PRIu64 " MiB", u->max_bytes >> 20);
	while (done < size) {
		ssize_t got = write(u->out, u->out_buf + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return km_error_os(KM_ERR_INPUT, u->path, errno, "cannot unpack to memory");
		done += (size_t)got;
	}
	return NULL;
}

static struct km_error *unpack_zstd(struct unpack *u)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	struct km_error *error = NULL;
	ZSTD_inBuffer in = { u->in_buf, 0, 0 };
	size_t left = 1; /* 0: at the end of a frame */
	bool is_full = false;

	if (!ctx)
		return &km_error_memory;
	ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	while (!error) {
		ZSTD_outBuffer out = { u->out_buf, OUT_BYTES, 0 };

		if (in.pos == in.size && !is_full) {
			error = fill(u, &in.size);
			in.pos = 0;
			if (error || !in.size)
				break;
		}
		left = ZSTD_decompressStream(ctx, &out, &in);
		/* then there may be more that needs no input; not so behind the end of a frame */
		is_full = out.pos == out.size && left;
		if (ZSTD_isError(left))
			error = damaged(u, "zstd", ZSTD_getErrorName(left));
		else
			error = drain(u, out.pos);
	}
	if (!error && left)
		error = damaged(u, "zstd", "it is cut short");
	ZSTD_freeDCtx(ctx);
	return error;
}

/* Behind the end of gzip data: there may be more. */
static struct km_error *go_on(struct unpack *u, z_stream *z, int *state)
{
	struct km_error *error = NULL;
	size_t size = z->avail_in;

	if (!size) {
		error = fill(u, &size);
		z->next_in = u->in_buf;
		z->avail_in = (uInt)size;
	}
	if (!error && size)
		*state = inflateReset(z);
	return error;
}

static struct km_error *unpack_gzip(struct unpack *u)
{
	z_stream z = { 0 };
	struct km_error *error = NULL;
	int state = Z_OK;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return &km_error_memory;
	while (!error && state != Z_STREAM_END) {
		size_t size = 0;

		if (!z.avail_in) {
			error = fill(u, &size);
			if (!error && !size)
				error = damaged(u, "gzip", "it is cut short");
			if (error)
				break;
			z.next_in = u->in_buf;
			z.avail_in = (uInt)size;
		}
		z.next_out = u->out_buf;
		z.avail_out = OUT_BYTES;
		state = inflate(&z, Z_NO_FLUSH);
		if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
			error = damaged(u, "gzip", z.msg ? z.msg : "invalid data");
		else
			error = drain(u, OUT_BYTES - z.avail_out);
		/* what was appended to the file is data of its own */
		if (!error && state == Z_STREAM_END)
			error = go_on(u, &z, &state);
	}
	inflateEnd(&z);
	return error;
}

#ifdef HAVE_LZMA
static struct km_error *unpack_xz(struct unpack *u)
{
	lzma_stream z = LZMA_STREAM_INIT;
	struct km_error *error = NULL;
	lzma_ret state = LZMA_OK;

	if (lzma_stream_decoder(&z, XZ_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK)
		return &km_error_memory;
	while (!error && state == LZMA_OK) {
		size_t size = 1;

		if (!z.avail_in) {
			error = fill(u, &size);
			if (error)
				break;
			z.next_in = u->in_buf;
			z.avail_in = size;
		}
		z.next_out = u->out_buf;
		z.avail_out = OUT_BYTES;
		state = lzma_code(&z, size ? LZMA_RUN : LZMA_FINISH);
		if (state == LZMA_BUF_ERROR)
			error = damaged(u, "xz", "it is cut short");
		else if (state == LZMA_MEMLIMIT_ERROR)
			error = damaged(u, "xz", "it needs over 256 MiB of memory");
		else if (state != LZMA_OK && state != LZMA_STREAM_END)
			error = damaged(u, "xz", "invalid data");
		else
			error = drain(u, OUT_BYTES - z.avail_out);
	}
	lzma_end(&z);
	return error;
}
#else
static struct km_error *unpack_xz(struct unpack *u)
{
	return km_error_advise(km_error_create(KM_ERR_INPUT, u->path,
					       "packed by xz, and this build is without liblzma"),
			       "unpack it with 'unxz --keep'");
}
#endif

static struct km_error *unpack(struct unpack *u, const uint8_t *magic)
{
	struct km_error *error;

	u->out = memfd_create("kmemstat", MFD_CLOEXEC);
	if (u->out < 0)
		return km_error_os(KM_ERR_INPUT, u->path, errno, "cannot unpack to memory");
	u->in_buf = malloc(IN_BYTES);
	u->out_buf = malloc(OUT_BYTES);
	if (!u->in_buf || !u->out_buf)
		error = &km_error_memory;
	else if (magic[0] == 0x1f)
		error = unpack_gzip(u);
	else if (magic[0] == 0xfd)
		error = unpack_xz(u);
	else
		error = unpack_zstd(u);
	free(u->in_buf);
	free(u->out_buf);
	if (error)
		close(u->out);
	return error;
}

static bool is_elf(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof(magic), 0) == 4 && !memcmp(magic, "\177ELF", 4);
}

static bool is_packed(const uint8_t *magic)
{
	return (magic[0] == 0x1f && magic[1] == 0x8b) ||
	       !memcmp(magic,
		       "\xfd"
		       "7zXZ",
		       6) ||
	       !memcmp(magic, "\x28\xb5\x2f\xfd", 4);
}

struct km_error *km_unpack_begin(const char *path, int *ret)
{
	/* a FIFO must not hang the program before it is known to be none */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct km_error *error = NULL;
	struct stat st;

	if (fd < 0)
		return km_error_os(KM_ERR_INPUT, path, errno, "cannot open");
	if (fstat(fd, &st))
		error = km_error_os(KM_ERR_INPUT, path, errno, "cannot examine");
	else if (S_ISDIR(st.st_mode))
		error = km_error_os(KM_ERR_INPUT, path, EISDIR, "cannot read");
	else if (!S_ISREG(st.st_mode))
		error = km_error_create(KM_ERR_INPUT, path, "not a regular file");
	if (error)
		close(fd);
	else
		*ret = fd;
	return error;
}

struct km_error *km_unpack_any(int fd, const char *path, uint64_t max_bytes, int *ret)
{
	struct unpack u = { .path = path, .in = fd, .max_bytes = max_bytes };
	struct km_error *error = NULL;
	uint8_t magic[6] = { 0 };

	/* a pipe cannot be looked at, and is what it is */
	if (pread(fd, magic, sizeof(magic), 0) < 0 && errno != ESPIPE)
		error = km_error_os(KM_ERR_INPUT, path, errno, "cannot read");
	if (!error && is_packed(magic)) {
		error = unpack(&u, magic);
		close(fd);
		if (error)
			return error;
		fd = u.out;
	}
	if (error)
		close(fd);
	else
		*ret = fd;
	return error;
}

struct km_error *km_unpack_file(int fd, const char *path, uint64_t max_bytes, int *ret)
{
	struct km_error *error = km_unpack_any(fd, path, max_bytes, &fd);

	if (error)
		return error;
	if (!is_elf(fd))
		error = km_error_create(KM_ERR_INPUT, path, "not an ELF file");
	if (error)
		close(fd);
	else
		*ret = fd;
	return error;
}

struct km_error *km_unpack_open(const char *path, uint64_t max_bytes, int *ret)
{
	struct km_error *error;
	int fd;

	error = km_unpack_begin(path, &fd);
	return error ? error : km_unpack_file(fd, path, max_bytes, ret);
}
