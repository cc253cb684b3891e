/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resolver's side of the box: starts the process that reads debug files, opens files for it,
 * asks, waits no longer than it has to, and notices how it died.
 */
#include "sym/box.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kmemstat/quality.h"
#include "sym/unpack.h"
#include "sym/wire.h"

enum {
	STARTS_MAX = 4,           /* of processes; a directory may be full of bad files */
	SIZES_MAX = 1 << 20,      /* in one question; of so many sizes no type is told */
	REAP_MS = 1000,           /* that a process gets to end that has closed its socket */
	RECEIVE_BYTES = 64 << 10, /* at once */
};

struct km_boxed {
	char *path, *module; /* module: NULL for the kernel itself */
	unsigned int start;  /* the process it is open in, counted from 1 */
	uint32_t id;         /* its number there */
	bool is_bad;         /* the process died of it */
	struct km_boxed *next;
};

struct km_box {
	const struct km_symtab *tab;
	struct km_box_limits limits;
	struct km_boxed *files;
	struct km_wire out, in;
	pid_t pid;  /* 0: none runs */
	int socket; /* to it */
	unsigned int nr_starts;
	uint64_t address_space; /* that it began with; 0: not known */
	uint64_t file_bytes;    /* of the files it has open */
	uint64_t waited_ms;
	size_t nr_failures;
	bool has_jail;
	struct km_jail jail;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* proc(5): of statm the first number is the size of the address space, in pages. */
static uint64_t read_address_space(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct km_error *km_box_create(const struct km_symtab *tab, const struct km_box_limits *limits,
			       struct km_box **ret)
{
	struct km_box *box = calloc(1, sizeof(*box));

	if (!box)
		return &km_error_memory;
	box->tab = tab;
	box->limits = *limits;
	box->socket = -1;
	*ret = box;
	return NULL;
}

/* Ends the process; *ret is how it ended, -1 if that is not known. */
static void reap(struct km_box *box, bool is_dying, int *ret)
{
	uint64_t start = now_ms();
	pid_t pid = 0;

	*ret = -1;
	if (box->socket >= 0)
		close(box->socket);
	box->socket = -1;
	if (!box->pid)
		return;
	while (is_dying && !pid && now_ms() - start < REAP_MS) {
		pid = waitpid(box->pid, ret, WNOHANG);
		if (!pid)
			poll(NULL, 0, 1);
	}
	if (!pid) {
		kill(box->pid, SIGKILL);
		do
			pid = waitpid(box->pid, ret, 0);
		while (pid < 0 && errno == EINTR);
	}
	if (pid != box->pid)
		*ret = -1;
	box->pid = 0;
}

void km_box_destroy(struct km_box *box)
{
	int status;

	if (!box)
		return;
	reap(box, false, &status);
	while (box->files) {
		struct km_boxed *next = box->files->next;

		free(box->files->path);
		free(box->files->module);
		free(box->files);
		box->files = next;
	}
	km_wire_deinit(&box->in);
	km_wire_deinit(&box->out);
	free(box);
}

size_t km_box_nr_failures(const struct km_box *box)
{
	return box->nr_failures;
}

bool km_box_jail(const struct km_box *box, struct km_jail *ret)
{
	*ret = box->jail;
	return box->has_jail;
}

static void set_limit(pid_t pid, int what, uint64_t value)
{
	const struct rlimit limit = { value, value };

	prlimit(pid, (__rlimit_resource_t)what, &limit, NULL);
}

/*
 * What it may use beside what it got at its start: debug files are mapped as a whole. Without
 * /proc there is no telling what it got. The hard limit stays, as not everybody could raise it
 * again for the next file; from within the jail neither of them can be changed.
 */
static void limit_memory(const struct km_box *box)
{
	uint64_t sum = km_sat_add(box->address_space, box->limits.memory_bytes);
	struct rlimit limit;

	sum = km_sat_add(sum, box->file_bytes);
	if (!box->address_space || !box->limits.memory_bytes ||
	    prlimit(box->pid, RLIMIT_AS, NULL, &limit))
		return;
	limit.rlim_cur = sum < limit.rlim_max ? sum : limit.rlim_max;
	prlimit(box->pid, RLIMIT_AS, &limit, NULL);
}

static struct km_error *start(struct km_box *box)
{
	const char *advice = "--no-sandbox reads debug information without one";
	int sockets[2];

	if (box->pid)
		return NULL;
	if (box->nr_starts >= STARTS_MAX)
		return km_error_create(KM_ERR_INPUT, NULL,
				       "the process that reads debug information died %u times: "
				       "no more of it is read",
				       box->nr_starts);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		return km_error_advise(km_error_os(KM_ERR_INPUT, NULL, errno,
						   "cannot make a socket to read debug "
						   "information in a process of its own"),
				       "%s", advice);
	box->address_space = read_address_space();
	box->file_bytes = 0;
	box->pid = fork();
	if (!box->pid)
		km_box_serve(sockets[1], box->tab);
	close(sockets[1]);
	box->socket = sockets[0];
	if (box->pid < 0) {
		int err = errno, status;

		box->pid = 0;
		reap(box, false, &status);
		return km_error_advise(km_error_os(KM_ERR_INPUT, NULL, err,
						   "cannot start a process that reads debug "
						   "information"),
				       "%s", advice);
	}
	box->nr_starts++;
	set_limit(box->pid, RLIMIT_CORE, 0);
	if (box->limits.total_ms)
		set_limit(box->pid, RLIMIT_CPU, box->limits.total_ms / 1000 + 1);
	limit_memory(box);
	return NULL;
}

/* What is left for an answer, by both limits; *ret_limit_ms is the one that ends first. */
static int time_left(const struct km_box *box, uint64_t begin, uint64_t *ret_limit_ms)
{
	uint64_t spent = now_ms() - begin, left = INT32_MAX;

	*ret_limit_ms = 0;
	if (box->limits.answer_ms) {
		*ret_limit_ms = box->limits.answer_ms;
		left = spent < box->limits.answer_ms ? box->limits.answer_ms - spent : 0;
	}
	if (box->limits.total_ms) {
		uint64_t all = box->waited_ms + spent;
		uint64_t rest = all < box->limits.total_ms ? box->limits.total_ms - all : 0;

		if (rest < left) {
			*ret_limit_ms = box->limits.total_ms;
			left = rest;
		}
	}
	return (int)(left < INT32_MAX ? left : INT32_MAX);
}

enum wait_state { WAIT_READY, WAIT_OVER, WAIT_DEAD };

static enum wait_state wait_for(const struct km_box *box, short events, uint64_t begin,
				uint64_t *ret_limit_ms)
{
	struct pollfd poller = { .fd = box->socket, .events = events };

	for (;;) {
		int nr = poll(&poller, 1, time_left(box, begin, ret_limit_ms));

		if (nr > 0)
			return poller.revents & (events | POLLHUP) ? WAIT_READY : WAIT_DEAD;
		if (!nr)
			return WAIT_OVER;
		if (errno != EINTR)
			return WAIT_DEAD;
	}
}

/* Sends the question, and the file that goes with it, or -1. */
static enum wait_state send_question(struct km_box *box, int fd, uint64_t begin,
				     uint64_t *ret_limit_ms)
{
	union {
		struct cmsghdr head;
		char data[CMSG_SPACE(sizeof(int))];
	} control = { .data = { 0 } };
	size_t done = 0;

	while (done < box->out.bytes) {
		struct iovec part = { box->out.data + done, box->out.bytes - done };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		ssize_t sent;

		if (fd >= 0 && !done) {
			message.msg_control = &control;
			message.msg_controllen = sizeof(control);
			control.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
							 .cmsg_type = SCM_RIGHTS,
							 .cmsg_len = CMSG_LEN(sizeof(int)) };
			memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		}
		sent = sendmsg(box->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent > 0) {
			done += (size_t)sent;
		} else if (sent < 0 && errno == EAGAIN) {
			enum wait_state state = wait_for(box, POLLOUT, begin, ret_limit_ms);

			if (state != WAIT_READY)
				return state;
		} else if (sent == 0 || errno != EINTR) {
			return WAIT_DEAD;
		}
	}
	return WAIT_READY;
}

/* Appends to `in` until it has that many bytes. */
static enum wait_state receive(struct km_box *box, size_t bytes, uint64_t begin,
			       uint64_t *ret_limit_ms)
{
	while (box->in.bytes < bytes) {
		uint8_t part[RECEIVE_BYTES];
		size_t left = bytes - box->in.bytes;
		ssize_t got = recv(box->socket, part, left < sizeof(part) ? left : sizeof(part),
				   MSG_DONTWAIT);

		if (got > 0) {
			km_wire_put(&box->in, part, (size_t)got);
			if (box->in.is_broken)
				return WAIT_DEAD;
		} else if (got < 0 && errno == EAGAIN) {
			enum wait_state state = wait_for(box, POLLIN, begin, ret_limit_ms);

			if (state != WAIT_READY)
				return state;
		} else if (got == 0 || errno != EINTR) {
			return WAIT_DEAD;
		}
	}
	return WAIT_READY;
}

static enum wait_state receive_message(struct km_box *box, uint64_t begin, uint64_t *ret_limit_ms,
				       struct km_wire_head *ret)
{
	enum wait_state state;

	box->in.bytes = 0;
	box->in.is_broken = false;
	state = receive(box, sizeof(*ret), begin, ret_limit_ms);
	if (state != WAIT_READY)
		return state;
	memcpy(ret, box->in.data, sizeof(*ret));
	if (ret->bytes > KM_WIRE_BYTES_MAX - sizeof(*ret)) {
		ret->kind = 0; /* no answer is so long */
		return WAIT_READY;
	}
	return receive(box, sizeof(*ret) + ret->bytes, begin, ret_limit_ms);
}

/* The process is given up; what there is to say about it, and about the file it died of. */
static struct km_error *give_up(struct km_box *box, struct km_boxed *file, bool is_dying,
				const char *format, ...) KM_PRINTF(4, 5);
static struct km_error *give_up(struct km_box *box, struct km_boxed *file, bool is_dying,
				const char *format, ...)
{
	char why[160];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	reap(box, is_dying, &status);
	if (is_dying && status != -1 && WIFSIGNALED(status))
		snprintf(why, sizeof(why), "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else if (is_dying && status != -1 && WEXITSTATUS(status) == KM_BOX_EXIT_MEMORY)
		snprintf(why, sizeof(why), "needs more than the %" PRIu64 " MiB of memory it has",
			 box->limits.memory_bytes >> 20);
	else if (is_dying && status != -1)
		snprintf(why, sizeof(why), "ended with status %d", WEXITSTATUS(status));
	file->is_bad = true;
	box->nr_failures++;
	return km_error_advise(km_error_create(KM_ERR_INPUT, file->path,
					       "the process that reads its debug information %s: "
					       "no more of it is used",
					       why),
			       "the report goes on with symbols alone; see whether the file is "
			       "damaged");
}

static struct km_error *give_up_waiting(struct km_box *box, struct km_boxed *file,
					enum wait_state state, uint64_t limit_ms)
{
	if (state == WAIT_OVER)
		return give_up(box, file, false, "gave no answer in %" PRIu64 ".%03" PRIu64 " s",
			       limit_ms / 1000, limit_ms % 1000);
	return give_up(box, file, true, "ended");
}

/* Sends what is in `out` and reads the answer, which has to be of that kind, or an error. */
static struct km_error *ask(struct km_box *box, struct km_boxed *file, int fd,
			    enum km_wire_kind kind, bool *ret_has_dwarf)
{
	const uint64_t begin = now_ms();
	struct km_wire_head head = { .kind = 0 };
	struct km_error *error;
	enum wait_state state;
	uint64_t limit_ms;

	if (!km_wire_finish(&box->out))
		return &km_error_memory;
	state = send_question(box, fd, begin, &limit_ms);
	if (state == WAIT_READY)
		state = receive_message(box, begin, &limit_ms, &head);
	if (state == WAIT_READY && head.kind == KM_SAY_READY) {
		if (!km_wire_read_ready(&box->in, &box->jail))
			return give_up(box, file, false, "said what nobody understands");
		box->has_jail = true;
		state = receive_message(box, begin, &limit_ms, &head);
	}
	box->waited_ms += now_ms() - begin;
	if (state != WAIT_READY)
		return give_up_waiting(box, file, state, limit_ms);
	if (head.kind == (uint32_t)kind)
		return NULL;
	error = head.kind == KM_SAY_ERROR ? km_wire_read_error(&box->in, file->path, ret_has_dwarf)
					  : NULL;
	if (!error)
		return give_up(box, file, false, "gave an answer that cannot be");
	/* what the process has too little of is not what this one has too little of */
	if (error->kind == KM_ERR_MEMORY)
		return give_up(box, file, false,
			       "needs more than the %" PRIu64 " MiB of memory it has",
			       box->limits.memory_bytes >> 20);
	return error;
}

/* Has the process open a file, which a new one does anew. */
static struct km_error *open_in(struct km_box *box, struct km_boxed *file, bool *ret_has_dwarf)
{
	struct km_error *error;
	struct km_cursor cur;
	struct stat st;
	int fd;

	error = start(box);
	if (error) {
		box->nr_failures++;
		return error;
	}
	error = km_unpack_begin(file->path, &fd);
	if (error)
		return error;
	if (!fstat(fd, &st) && st.st_size > 0)
		box->file_bytes = km_sat_add(box->file_bytes, (uint64_t)st.st_size);
	limit_memory(box);
	km_wire_begin(&box->out, KM_ASK_OPEN);
	km_wire_put_string(&box->out, file->path);
	km_wire_put_optional(&box->out, file->module);
	error = ask(box, file, fd, KM_SAY_OPENED, ret_has_dwarf);
	close(fd);
	if (error)
		return error;
	cur = km_wire_cursor(&box->in);
	file->id = km_cursor_u32(&cur);
	file->start = box->nr_starts;
	return cur.is_over ? give_up(box, file, false, "gave an answer that cannot be") : NULL;
}

struct km_error *km_box_open(struct km_box *box, const char *path, const char *module,
			     bool *ret_has_dwarf, struct km_boxed **ret)
{
	struct km_boxed *file = calloc(1, sizeof(*file));
	struct km_error *error;

	*ret_has_dwarf = true;
	if (!file)
		return &km_error_memory;
	file->next = box->files;
	box->files = file;
	file->path = strdup(path);
	if (module)
		file->module = strdup(module);
	if (!file->path || (module && !file->module))
		return &km_error_memory;
	error = open_in(box, file, ret_has_dwarf);
	if (!error)
		*ret = file;
	return error;
}

/* Sees to it that a process has the file open. *ret is false if it is not to be asked. */
static struct km_error *make_ready(struct km_box *box, struct km_boxed *file, bool *ret)
{
	struct km_error *error = NULL;
	bool has_dwarf;

	*ret = !file->is_bad;
	if (*ret && (!box->pid || file->start != box->nr_starts))
		error = open_in(box, file, &has_dwarf);
	file->is_bad |= error != NULL;
	return error;
}

struct km_error *km_box_chain(struct km_box *box, struct km_boxed *file, uint64_t address,
			      struct km_arena *arena, struct km_dwarf_chain *ret)
{
	struct km_error *error;
	bool is_ready;

	*ret = (struct km_dwarf_chain){ 0 };
	error = make_ready(box, file, &is_ready);
	if (error || !is_ready)
		return error;
	km_wire_begin(&box->out, KM_ASK_CHAIN);
	km_wire_put_u32(&box->out, file->id);
	km_wire_put_u64(&box->out, address);
	error = ask(box, file, -1, KM_SAY_CHAIN, NULL);
	if (!error && !km_wire_read_chain(&box->in, arena, ret)) {
		*ret = (struct km_dwarf_chain){ 0 };
		error = give_up(box, file, false, "gave an answer that cannot be");
	}
	return error;
}

struct km_error *km_box_types(struct km_box *box, struct km_boxed *file,
			      const struct km_types_question *question, struct km_arena *arena,
			      struct km_types *ret)
{
	struct km_error *error;
	bool is_ready;

	*ret = (struct km_types){ 0 };
	if (!question->nr_sizes || question->nr_sizes > SIZES_MAX)
		return NULL;
	error = make_ready(box, file, &is_ready);
	if (error || !is_ready)
		return error;
	km_wire_begin(&box->out, KM_ASK_TYPES);
	km_wire_put_u32(&box->out, file->id);
	km_wire_put_u64(&box->out, question->address);
	km_wire_put_u32(&box->out, (uint32_t)question->nr_wrappers);
	km_wire_put_u32(&box->out, question->line);
	km_wire_put_u32(&box->out, (uint32_t)question->nr_sizes);
	km_wire_put(&box->out, question->sizes, question->nr_sizes * sizeof(*question->sizes));
	error = ask(box, file, -1, KM_SAY_TYPES, NULL);
	if (!error && !km_wire_read_types(&box->in, question, arena, ret)) {
		*ret = (struct km_types){ 0 };
		error = give_up(box, file, false, "gave an answer that cannot be");
	}
	return error;
}
