/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that reads debug files: a copy of its parent, made by fork(), with the symbols it
 * needs in memory. It gives up whatever else it got from it before it reads the first byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sym/box.h"
#include "sym/dwarf_private.h"
#include "sym/wire.h"

enum { SOCKET = 3 }; /* behind stdin, stdout and stderr, which lead nowhere */

struct server {
	const struct km_symtab *tab;
	struct km_debugfile **files;
	size_t nr_files, max_files;
	struct km_wire in, out;
	struct km_arena arena; /* of one answer */
	int fd;                /* that came with the message, or -1 */
};

/* Signals that the parent has a use for are not for this process. */
static void reset_signals(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What libc writes when it ends a program must not get into files of the parent's. */
static bool drop_files(int socket)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nowhere < 0) /* there may be no /dev */
		nowhere = memfd_create("kmemstat", MFD_CLOEXEC);
	if (nowhere < 0 || (socket = fcntl(socket, F_DUPFD_CLOEXEC, SOCKET + 1)) < 0)
		return false;
	for (int fd = 0; fd < SOCKET; fd++)
		if (dup2(nowhere, fd) < 0)
			return false;
	if (dup2(socket, SOCKET) < 0)
		return false;
	closefrom(SOCKET + 1);
	return true;
}

/* libdw cannot return that there is no memory. */
static __attribute__((noreturn)) void no_memory(void)
{
	_exit(KM_BOX_EXIT_MEMORY);
}

/* Reads that many bytes, and the file that comes with the first. False at the end. */
static bool receive(struct server *server, void *data, size_t bytes)
{
	union {
		struct cmsghdr head;
		char data[CMSG_SPACE(sizeof(int))];
	} control;
	size_t done = 0;

	while (done < bytes) {
		struct iovec part = { (char *)data + done, bytes - done };
		struct msghdr message = {
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		ssize_t got = recvmsg(SOCKET, &message, MSG_CMSG_CLOEXEC);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		const struct cmsghdr *with = CMSG_FIRSTHDR(&message);

		if (with && with->cmsg_level == SOL_SOCKET && with->cmsg_type == SCM_RIGHTS)
			memcpy(&server->fd, CMSG_DATA(with), sizeof(server->fd));
		done += (size_t)got;
	}
	return true;
}

static bool receive_question(struct server *server, enum km_wire_kind *ret)
{
	struct km_wire_head head;

	server->fd = -1;
	if (!receive(server, &head, sizeof(head)))
		return false;
	km_wire_begin(&server->in, (enum km_wire_kind)head.kind);
	if (head.bytes > KM_WIRE_BYTES_MAX - sizeof(head))
		return false;
	/* makes the room */
	for (uint32_t left = head.bytes; left > 0;) {
		char part[4096];
		size_t size = left < sizeof(part) ? left : sizeof(part);

		if (!receive(server, part, size))
			return false;
		km_wire_put(&server->in, part, size);
		left -= (uint32_t)size;
	}
	*ret = (enum km_wire_kind)head.kind;
	return km_wire_finish(&server->in);
}

static bool send_answer(struct km_wire *wire)
{
	size_t done = 0;

	if (!km_wire_finish(wire)) {
		km_wire_say_error(wire, &km_error_memory, true);
		if (!km_wire_finish(wire))
			return false;
	}
	while (done < wire->bytes) {
		struct iovec part = { wire->data + done, wire->bytes - done };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		ssize_t sent = sendmsg(SOCKET, &message, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		done += (size_t)sent;
	}
	return true;
}

static struct km_error *answer_open(struct server *server, struct km_cursor *cur,
				    bool *ret_has_dwarf)
{
	const char *path = km_cursor_string(cur);
	const char *module = km_wire_optional(cur);
	struct km_error *error;

	if (!km_grow(&server->files, server->nr_files, &server->max_files,
		     sizeof(struct km_debugfile *))) {
		close(server->fd);
		return &km_error_memory;
	}
	error = km_debugfile_open(server->fd, path, server->tab, module, ret_has_dwarf,
				  &server->files[server->nr_files]);
	if (error)
		return error;
	km_debugfile_set_no_memory(server->files[server->nr_files], no_memory);
	km_wire_begin(&server->out, KM_SAY_OPENED);
	km_wire_put_u32(&server->out, (uint32_t)server->nr_files++);
	return NULL;
}

static struct km_error *answer_chain(struct server *server, struct km_cursor *cur)
{
	struct km_debugfile *file = server->files[km_cursor_u32(cur)];
	struct km_dwarf_chain chain;
	struct km_error *error =
		km_debugfile_chain(file, km_cursor_u64(cur), &server->arena, &chain);

	if (!error)
		km_wire_say_chain(&server->out, &chain);
	return error;
}

static struct km_error *answer_types(struct server *server, struct km_cursor *cur)
{
	struct km_debugfile *file = server->files[km_cursor_u32(cur)];
	struct km_types_question question = {
		.address = km_cursor_u64(cur),
		.nr_wrappers = km_cursor_u32(cur),
		.line = km_cursor_u32(cur),
		.nr_sizes = km_cursor_u32(cur),
	};
	uint32_t *sizes = calloc(question.nr_sizes, sizeof(*sizes));
	struct km_types types;
	struct km_error *error;

	if (!sizes)
		return &km_error_memory;
	for (size_t i = 0; i < question.nr_sizes; i++)
		sizes[i] = km_cursor_u32(cur);
	question.sizes = sizes;
	error = km_debugfile_types(file, &question, &server->arena, &types);
	if (!error)
		km_wire_say_types(&server->out, &types);
	free(sizes);
	return error;
}

/* The parent is believed: that what it sends is whole was seen to by its own code. */
static void answer(struct server *server, enum km_wire_kind kind)
{
	struct km_cursor cur = km_wire_cursor(&server->in);
	struct km_error *error = NULL;
	bool has_dwarf = true;

	if (kind == KM_ASK_OPEN)
		error = answer_open(server, &cur, &has_dwarf);
	else if (kind == KM_ASK_CHAIN)
		error = answer_chain(server, &cur);
	else
		error = answer_types(server, &cur);
	if (error)
		km_wire_say_error(&server->out, error, has_dwarf);
	km_error_free(error);
	km_arena_deinit(&server->arena);
	server->arena = (struct km_arena){ 0 };
}

void km_box_serve(int socket, const struct km_symtab *tab)
{
	struct server server = { .tab = tab };
	enum km_wire_kind kind;
	struct km_jail jail;

	reset_signals();
	if (!drop_files(socket))
		_exit(1);
	/* a kernel may have neither wall: the process alone still keeps crashes away */
	km_jail_enter(&jail);
	km_wire_begin(&server.out, KM_SAY_READY);
	km_wire_put_u8(&server.out, jail.has_seccomp);
	km_wire_put_u8(&server.out, jail.has_landlock);
	if (!send_answer(&server.out))
		_exit(1);
	while (receive_question(&server, &kind)) {
		answer(&server, kind);
		if (!send_answer(&server.out))
			break;
	}
	_exit(0);
}
