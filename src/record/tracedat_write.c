/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.dat version 7. After the initial bytes (17 08 44 "tracing" "7\0", byte order, bytes in a
 * long, u32 page size, name and version of the compression, u64 offset of the options) there are
 * sections, each
 *
 *	u16 id, u16 flags (1: compressed), u32 description in the strings, u64 size, data
 *
 * where data that is compressed is u32 size packed, u32 size, bytes. The section of the buffer has
 * the pages of each CPU at a multiple of the page size; compressed they are u32 number of chunks,
 * and for each u32 size packed, u32 size, bytes. The options name the sections, the CPUs' data and
 * all else, and are the last but for the strings.
 */
#include "record/tracedat_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define SECTION_HEADER_BYTES 16
#define FLAG_COMPRESSED      1
#define OPTIONS_OFFSET_BYTES 8
/* What is moved from file to file at once, and freed then. */
#define MOVE_BYTES           (4U << 20)
/* Metadata is packed once: better than the events, which are packed while they are recorded. */
#define SECTION_LEVEL        3

bool km_write_at(int fd, const void *data, size_t size, uint64_t offset)
{
	const uint8_t *at = data;

	while (size > 0) {
		ssize_t got = pwrite(fd, at, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			if (got == 0)
				errno = ENOSPC;
			return false;
		}
		at += got;
		size -= (size_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

static struct km_error *write_error(const struct km_tracedat_writer *writer, int err)
{
	return km_error_os(KM_ERR_OUTPUT, writer->path, err, "cannot write");
}

static struct km_error *append(struct km_tracedat_writer *writer, const void *data, size_t size)
{
	if (!km_write_at(writer->fd, data, size, writer->at))
		return write_error(writer, errno);
	writer->at += size;
	return NULL;
}

struct km_error *km_tracedat_writer_init(struct km_tracedat_writer *writer, int fd,
					 const char *path, bool is_compressed)
{
	static const uint8_t magic[10] = { 0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g' };
	const uint8_t order[] = { __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, sizeof(long) };
	struct km_bytes head = { 0 };
	struct km_error *error;

	*writer = (struct km_tracedat_writer){ .fd = fd,
					       .path = path,
					       .page_bytes = (uint32_t)sysconf(_SC_PAGESIZE),
					       .is_compressed = is_compressed };
	if (is_compressed && !(writer->zstd = ZSTD_createCCtx()))
		return &km_error_memory;
	km_bytes_put(&head, magic, sizeof(magic));
	km_bytes_put_string(&head, "7");
	km_bytes_put(&head, order, sizeof(order));
	km_bytes_put_u32(&head, writer->page_bytes);
	km_bytes_put_string(&head, is_compressed ? "zstd" : "none");
	km_bytes_put_string(&head, is_compressed ? ZSTD_versionString() : "");
	km_bytes_put_u64(&head, 0); /* the options, which come last */
	error = head.has_failed ? &km_error_memory : append(writer, head.data, head.size);
	km_bytes_deinit(&head);
	return error;
}

void km_tracedat_writer_deinit(struct km_tracedat_writer *writer)
{
	ZSTD_freeCCtx(writer->zstd);
	writer->zstd = NULL;
	km_bytes_deinit(&writer->options);
	km_bytes_deinit(&writer->strings);
}

/* The header of a section, with its description put into the strings. */
static struct km_bytes make_header(struct km_tracedat_writer *writer, enum km_td_id id,
				   unsigned int flags, const char *description, uint64_t size)
{
	const size_t string = writer->strings.size;
	struct km_bytes header = { 0 };

	km_bytes_put_string(&writer->strings, description);
	km_bytes_put_u16(&header, (uint16_t)id);
	km_bytes_put_u16(&header, (uint16_t)flags);
	km_bytes_put_u32(&header, (uint32_t)string);
	km_bytes_put_u64(&header, size);
	return header;
}

/* What stands in the file for `data`: sizes and packed bytes. */
static struct km_error *pack(struct km_tracedat_writer *writer, const struct km_bytes *data,
			     struct km_bytes *ret)
{
	const size_t bound = ZSTD_compressBound(data->size);
	uint8_t *packed;
	size_t size;

	if (data->size > UINT32_MAX || bound > UINT32_MAX)
		return km_error_create(KM_ERR_OUTPUT, writer->path,
				       "a section of %zu bytes cannot be compressed", data->size);
	packed = malloc(bound + 1);
	if (!packed)
		return &km_error_memory;
	size = ZSTD_compressCCtx(writer->zstd, packed, bound, data->size ? data->data : packed,
				 data->size, SECTION_LEVEL);
	if (ZSTD_isError(size)) {
		free(packed);
		return &km_error_memory; /* with room for the bound nothing else can fail */
	}
	km_bytes_put_u32(ret, (uint32_t)size);
	km_bytes_put_u32(ret, (uint32_t)data->size);
	km_bytes_put(ret, packed, size);
	free(packed);
	return ret->has_failed ? &km_error_memory : NULL;
}

/* Header and data at the end of the file. */
static struct km_error *write_section(struct km_tracedat_writer *writer, enum km_td_id id,
				      const char *description, const struct km_bytes *data,
				      bool is_compressed)
{
	struct km_bytes packed = { 0 }, header;
	struct km_error *error = NULL;

	if (data->has_failed)
		return &km_error_memory;
	if (is_compressed)
		error = pack(writer, data, &packed);
	if (error) {
		km_bytes_deinit(&packed);
		return error;
	}
	header = make_header(writer, id, is_compressed ? FLAG_COMPRESSED : 0, description,
			     is_compressed ? packed.size : data->size);
	if (header.has_failed)
		error = &km_error_memory;
	if (!error)
		error = append(writer, header.data, header.size);
	if (!error && is_compressed)
		error = append(writer, packed.data, packed.size);
	else if (!error && data->size)
		error = append(writer, data->data, data->size);
	km_bytes_deinit(&header);
	km_bytes_deinit(&packed);
	return error;
}

void km_tracedat_add_option(struct km_tracedat_writer *writer, enum km_td_id id, const void *data,
			    size_t size)
{
	km_bytes_put_u16(&writer->options, (uint16_t)id);
	km_bytes_put_u32(&writer->options, (uint32_t)size);
	km_bytes_put(&writer->options, data, size);
}

struct km_error *km_tracedat_write_section(struct km_tracedat_writer *writer, enum km_td_id id,
					   const char *description, const struct km_bytes *data)
{
	const uint64_t offset = writer->at;
	struct km_error *error =
		write_section(writer, id, description, data, writer->is_compressed);

	if (!error)
		km_tracedat_add_option(writer, id, &offset, sizeof(offset));
	return error;
}

/* From file to file through memory, where the kernel cannot do it by itself. */
static bool move_by_hand(int from, uint64_t from_at, int to, uint64_t to_at, size_t size,
			 uint8_t *buf, size_t buf_size)
{
	while (size > 0) {
		ssize_t got = pread(from, buf, size < buf_size ? size : buf_size, (off_t)from_at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EIO; /* it was written by us */
		if (got <= 0 || !km_write_at(to, buf, (size_t)got, to_at))
			return false;
		from_at += (uint64_t)got;
		to_at += (uint64_t)got;
		size -= (size_t)got;
	}
	return true;
}

static bool move_piece(int from, uint64_t from_at, int to, uint64_t to_at, size_t size)
{
	uint8_t buf[16384];
	loff_t in = (loff_t)from_at, out = (loff_t)to_at;

	while (size > 0) {
		ssize_t got;

		errno = 0;
		got = copy_file_range(from, &in, to, &out, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		/* of another file system, or of one that cannot (EXDEV, EINVAL, EOPNOTSUPP) */
		if (got <= 0 && errno != ENOSPC && errno != EIO && errno != EFBIG)
			return move_by_hand(from, (uint64_t)in, to, (uint64_t)out, size, buf,
					    sizeof(buf));
		if (got <= 0)
			return false;
		size -= (size_t)got;
	}
	return true;
}

/* Moves a CPU's data to the end of the file. */
static struct km_error *move_cpu(struct km_tracedat_writer *writer, const struct km_td_cpu *cpu)
{
	for (uint64_t at = 0; at < cpu->bytes; at += MOVE_BYTES) {
		const uint64_t left = cpu->bytes - at;
		const size_t size = left < MOVE_BYTES ? (size_t)left : MOVE_BYTES;

		if (!move_piece(cpu->fd, at, writer->fd, writer->at, size))
			return write_error(writer, errno);
		writer->at += size;
		/* where holes cannot be made it takes its room twice for a while */
		if (fallocate(cpu->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
			      (off_t)size) < 0)
			continue;
	}
	return NULL;
}

static uint64_t align_up(uint64_t offset, uint32_t align)
{
	return (offset + align - 1) / align * align;
}

/*
 * The data of one CPU, at a multiple of the page size; nothing for an empty one. The size of
 * compressed data in the option is that of the chunks without their number, as trace-cmd 3.1
 * writes it.
 */
static struct km_error *write_cpu(struct km_tracedat_writer *writer, const struct km_td_cpu *cpu,
				  struct km_bytes *option)
{
	struct km_error *error = NULL;

	writer->at = align_up(writer->at, writer->page_bytes);
	km_bytes_put_u32(option, cpu->cpu);
	km_bytes_put_u64(option, writer->at);
	km_bytes_put_u64(option, cpu->bytes);
	if (writer->is_compressed)
		error = append(writer, &cpu->nr_chunks, sizeof(cpu->nr_chunks));
	return error ? error : move_cpu(writer, cpu);
}

struct km_error *km_tracedat_write_buffer(struct km_tracedat_writer *writer, const char *clock,
					  uint32_t page_bytes, const struct km_td_cpu *cpus,
					  size_t nr_cpus)
{
	const uint64_t offset = writer->at;
	struct km_bytes header =
		make_header(writer, KM_TD_BUFFER, writer->is_compressed ? FLAG_COMPRESSED : 0,
			    "buffer flyrecord", 0);
	struct km_bytes option = { 0 };
	struct km_error *error = header.has_failed ? &km_error_memory : NULL;
	uint64_t size;

	if (!error)
		error = append(writer, header.data, header.size);
	km_bytes_put_u64(&option, offset);
	km_bytes_put_string(&option, ""); /* the top-level buffer */
	km_bytes_put_string(&option, clock);
	km_bytes_put_u32(&option, page_bytes);
	km_bytes_put_u32(&option, (uint32_t)nr_cpus);
	for (size_t i = 0; i < nr_cpus && !error; i++)
		error = write_cpu(writer, &cpus[i], &option);
	size = writer->at - offset - SECTION_HEADER_BYTES;
	if (!error && !km_write_at(writer->fd, &size, sizeof(size),
				   offset + SECTION_HEADER_BYTES - sizeof(size)))
		error = write_error(writer, errno);
	/* an empty CPU at the end left a hole that is not there yet */
	if (!error && ftruncate(writer->fd, (off_t)writer->at) < 0)
		error = write_error(writer, errno);
	if (!error && option.has_failed)
		error = &km_error_memory;
	if (!error)
		km_tracedat_add_option(writer, KM_TD_BUFFER, option.data, option.size);
	km_bytes_deinit(&header);
	km_bytes_deinit(&option);
	return error;
}

/* Where the offset of the options stands. */
static uint64_t options_offset_at(const struct km_tracedat_writer *writer)
{
	const char *version = writer->is_compressed ? ZSTD_versionString() : "";

	/* magic, "7\0", byte order, long, page size, "none\0" or "zstd\0", its version */
	return 10 + 2 + 2 + 4 + 5 + strlen(version) + 1;
}

struct km_error *km_tracedat_writer_finish(struct km_tracedat_writer *writer)
{
	const uint64_t none = 0, offset = writer->at;
	struct km_bytes header;
	struct km_error *error;

	km_tracedat_add_option(writer, KM_TD_DONE, &none, sizeof(none));
	error = write_section(writer, KM_TD_DONE, "options", &writer->options, false);
	if (error)
		return error;
	/* its own description is in it, too */
	header = make_header(writer, KM_TD_STRINGS, 0, "strings",
			     writer->strings.size + sizeof("strings"));
	if (header.has_failed || writer->strings.has_failed)
		error = &km_error_memory;
	if (!error)
		error = append(writer, header.data, header.size);
	if (!error)
		error = append(writer, writer->strings.data, writer->strings.size);
	if (!error && !km_write_at(writer->fd, &offset, sizeof(offset), options_offset_at(writer)))
		error = write_error(writer, errno);
	km_bytes_deinit(&header);
	return error;
}
