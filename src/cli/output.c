/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Standard output, pager, files written whole. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memstream.h"

#define STDOUT_NAME "standard output"

/* --output, those of --format, and the two that check writes */
#define MOST_TEMPS (KM_MAX_REPORT_FILES + 3)

/* The one piece of state that a signal handler needs: the unfinished files it has to remove. */
static struct {
	char path[4096];
	volatile sig_atomic_t is_there;
} temps[MOST_TEMPS];

void km_output_die(int signal_number)
{
	for (size_t i = 0; i < MOST_TEMPS; i++)
		if (temps[i].is_there)
			unlink(temps[i].path);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* What ends a program by default, and is not its own fault (signal(7)). */
static const int deadly_signals[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,   SIGUSR1,
				      SIGUSR2, SIGALRM, SIGPIPE, SIGVTALRM, SIGPROF,
				      SIGIO,   SIGXCPU, SIGXFSZ, SIGPWR,    SIGSTKFLT };
#define NR_DEADLY_SIGNALS (sizeof(deadly_signals) / sizeof(deadly_signals[0]))

/* Returns the file's place in the list, from 1 on; 0: it has none. */
static unsigned int watch_temp(const char *path)
{
	unsigned int place = 0;

	while (place < MOST_TEMPS && temps[place].is_there)
		place++;
	if (place == MOST_TEMPS || strlen(path) >= sizeof(temps[place].path))
		return 0;
	strcpy(temps[place].path, path);
	temps[place].is_there = 1;
	for (size_t i = 0; i < NR_DEADLY_SIGNALS; i++) {
		struct sigaction action = { .sa_handler = km_output_die }, old;

		/* who handles a signal otherwise lets the file be finished */
		sigaction(deadly_signals[i], NULL, &old);
		if (old.sa_handler == SIG_DFL)
			sigaction(deadly_signals[i], &action, NULL);
	}
	return place + 1;
}

static void forget_temp(struct km_output *output)
{
	if (output->temp_place)
		temps[output->temp_place - 1].is_there = 0;
	output->temp_place = 0;
	free(output->temp_path);
	output->temp_path = NULL;
}

/* mkostemp() with no moment in which a signal would leave the file behind. */
static int make_watched_temp(char *path, unsigned int *ret_place)
{
	sigset_t deadly, old;
	int fd, err;

	sigemptyset(&deadly);
	for (size_t i = 0; i < NR_DEADLY_SIGNALS; i++)
		sigaddset(&deadly, deadly_signals[i]);
	sigprocmask(SIG_BLOCK, &deadly, &old);
	fd = mkostemp(path, O_CLOEXEC);
	err = errno;
	if (fd >= 0)
		*ret_place = watch_temp(path);
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = err;
	return fd;
}

static char reader_gone[] = "the reader is gone";

struct km_error km_output_reader_gone = { .kind = KM_ERR_OUTPUT, .message = reader_gone };

static struct km_error *output_error(const char *path, int err, const char *doing)
{
	return km_error_os(KM_ERR_OUTPUT, path, err, doing);
}

struct km_error *km_output_guard_descriptors(const struct km_options *options)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* open() takes the lowest free number: this one */
		if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
			return output_error("/dev/null", errno, "cannot open");
		if (fd == STDOUT_FILENO && !options->output)
			return km_error_advise(
				km_error_create(KM_ERR_OUTPUT, STDOUT_NAME, "is closed"),
				"give -o FILE or open it");
	}
	return NULL;
}

static bool are_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The folder of a path. */
static bool stat_parent(const char *path, struct stat *ret)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	bool is_there = parent && stat(parent, ret) == 0;

	free(parent);
	return is_there;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool km_output_is_same_file(const char *a, const char *b)
{
	struct stat stat_a, stat_b;
	bool has_a = stat(a, &stat_a) == 0, has_b = stat(b, &stat_b) == 0;

	if (has_a && has_b)
		return are_same(&stat_a, &stat_b) && !S_ISCHR(stat_a.st_mode);
	return !has_a && !has_b && strcmp(last_name(a), last_name(b)) == 0 &&
	       stat_parent(a, &stat_a) && stat_parent(b, &stat_b) && are_same(&stat_a, &stat_b);
}

/* A new file beside `path`, with the mode that `path` has or would get. */
static struct km_error *open_temp(struct km_output *output, const struct stat *old)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if (asprintf(&output->temp_path, "%s.XXXXXX", output->path) < 0) {
		output->temp_path = NULL;
		return &km_error_memory;
	}
	fd = make_watched_temp(output->temp_path, &output->temp_place);
	if (fd < 0) {
		int err = errno;

		forget_temp(output);
		return output_error(output->path, err, "cannot create");
	}
	/* a file system without modes is no reason to fail */
	if (fchmod(fd, old ? old->st_mode & 07777 : 0666 & ~mask) < 0)
		errno = 0;
	output->out.file = fdopen(fd, "w");
	if (output->out.file)
		return NULL;
	close(fd);
	return &km_error_memory;
}

static struct km_error *open_file(const char *path, struct km_output *output)
{
	struct stat old;
	bool exists = stat(path, &old) == 0;

	if (exists && S_ISDIR(old.st_mode))
		return output_error(path, EISDIR, "cannot write");
	/* a link stays a link; what is no file, as /dev/stdout, may have no path of its own */
	output->path = exists && S_ISREG(old.st_mode) ? realpath(path, NULL) : strdup(path);
	if (!output->path)
		return errno == ENOMEM ? &km_error_memory
				       : output_error(path, errno, "cannot create");
	if (!exists || S_ISREG(old.st_mode))
		return open_temp(output, exists ? &old : NULL);
	/* a device or a pipe can only be written directly */
	output->out.file = fopen(output->path, "we");
	return output->out.file ? NULL : output_error(output->path, errno, "cannot open");
}

struct km_error *km_output_check_file(const char *path, const char *option, const char *input)
{
	if (!input || !km_output_is_same_file(path, input))
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, path, "is the trace itself"),
			       "choose another file for %s", option);
}

struct km_error *km_output_open_file(const char *path, struct km_output *ret)
{
	struct km_error *error;

	*ret = (struct km_output){ 0 };
	km_out_init(&ret->out, NULL, path);
	error = open_file(path, ret);
	if (error)
		km_output_abandon(ret);
	return error;
}

/* The pager's command, or NULL if none is to be used. */
static const char *pager_command(void)
{
	static const char *const names[] = { "KMEMSTAT_PAGER", "PAGER" };

	for (size_t i = 0; i < 2; i++) {
		const char *command = getenv(names[i]);

		if (command)
			return *command && strcmp(command, "cat") != 0 ? command : NULL;
	}
	return "less";
}

/* Starts the pager and lets output->out.file be its input. False if that fails. */
static bool start_pager(struct km_output *output)
{
	const char *command = pager_command();
	int fds[2];

	if (!command || pipe2(fds, O_CLOEXEC) < 0)
		return false;
	fflush(stdout);
	output->pager = fork();
	if (output->pager == 0) {
		/* less quits if the text fits, passes colors on, leaves the text standing */
		setenv("LESS", "FRX", 0);
		signal(SIGPIPE, SIG_DFL);
		dup2(fds[0], STDIN_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fds[0]);
	output->out.file = output->pager > 0 ? fdopen(fds[1], "w") : NULL;
	if (output->out.file)
		return true;
	close(fds[1]);
	return false;
}

struct km_error *km_output_open(const struct km_options *options,
				const struct km_terminal *terminal, bool may_be_huge,
				struct km_output *ret)
{
	struct km_error *error;

	if (options->output) {
		error = km_output_check_file(options->output, "--output", options->input);
		return error ? error : km_output_open_file(options->output, ret);
	}
	*ret = (struct km_output){ 0 };
	km_out_init(&ret->out, stdout, STDOUT_NAME);
	if (!terminal->is_tty || options->pager == KM_WHEN_NEVER || !pager_command() ||
	    (!terminal->height && options->pager != KM_WHEN_ALWAYS))
		return NULL;
	if (may_be_huge) {
		if (!start_pager(ret))
			ret->out.file = stdout;
		return NULL;
	}
	ret->page_lines = options->pager == KM_WHEN_ALWAYS ? 1 : terminal->height;
	ret->out.file = open_memstream(&ret->text, &ret->text_size);
	return ret->out.file ? NULL : &km_error_memory;
}

/* Waits for the pager; false if it could not be run. */
static bool wait_for_pager(struct km_output *output)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	int status = 0;
	pid_t pid;

	/* Ctrl-C is the pager's while it runs */
	sigaction(SIGINT, &ignore, &old);
	do
		pid = waitpid(output->pager, &status, 0);
	while (pid < 0 && errno == EINTR);
	sigaction(SIGINT, &old, NULL);
	output->pager = 0;
	return !(pid > 0 && WIFEXITED(status) &&
		 (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127));
}

static size_t count_lines(const char *text)
{
	size_t nr = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		nr++;
	}
	return nr;
}

/* Shows the held text: in the pager if it is long and the pager runs, else directly. */
static struct km_error *show_text(struct km_output *output)
{
	struct km_error *error = km_out_finish(&output->out);
	bool is_shown = false;

	if (!km_memstream_close(output->out.file, &output->text) && !error)
		error = &km_error_memory;
	output->out.file = stdout;
	if (error)
		return error;
	if (count_lines(output->text) >= output->page_lines && start_pager(output)) {
		/* a pager that is left early makes this fail: nothing to complain about */
		fputs(output->text, output->out.file);
		fclose(output->out.file);
		is_shown = wait_for_pager(output);
		output->out.file = stdout;
	}
	if (!is_shown)
		km_out_puts(&output->out, output->text);
	return NULL;
}

struct km_error *km_output_seal(struct km_output *output)
{
	struct km_error *error;
	int failed;

	if (!output->path || !output->out.file)
		return NULL;
	error = km_out_finish(&output->out);
	failed = fclose(output->out.file);
	output->out.file = NULL;
	if (!error && failed)
		error = output_error(output->path, errno, "cannot write");
	return error;
}

/* Gives the finished file its name. */
static struct km_error *commit_file(struct km_output *output)
{
	struct km_error *error = km_output_seal(output);

	if (error)
		return error;
	if (output->temp_path && rename(output->temp_path, output->path) < 0)
		return output_error(output->path, errno, "cannot create");
	forget_temp(output);
	return NULL;
}

static struct km_error *finish(struct km_output *output)
{
	struct km_error *error;

	if (output->path)
		return commit_file(output);
	if (output->pager) {
		fclose(output->out.file);
		output->out.file = NULL;
		return wait_for_pager(output)
			       ? NULL
			       : km_error_advise(km_error_create(KM_ERR_OUTPUT, pager_command(),
								 "the pager cannot be run"),
						 "set KMEMSTAT_PAGER or give --no-pager");
	}
	if (output->page_lines) {
		error = show_text(output);
		if (error)
			return error;
	}
	error = km_out_finish(&output->out);
	if (error && output->out.error == EPIPE) {
		km_error_free(error);
		error = &km_output_reader_gone;
	}
	/* some file systems tell of a full disk only now */
	if (!error && fclose(stdout) == EOF)
		error = output_error(STDOUT_NAME, errno, "cannot write");
	output->out.file = NULL;
	return error;
}

struct km_error *km_output_finish(struct km_output *output)
{
	struct km_error *error = finish(output);

	km_output_abandon(output);
	return error;
}

void km_output_abandon(struct km_output *output)
{
	if (output->out.file && output->out.file != stdout)
		fclose(output->out.file);
	output->out.file = NULL;
	if (output->pager)
		wait_for_pager(output);
	if (output->temp_path)
		unlink(output->temp_path);
	forget_temp(output);
	free(output->path);
	free(output->text);
	output->path = output->text = NULL;
}
