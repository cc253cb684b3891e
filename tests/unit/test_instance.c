/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instances of tracefs: parsers, choices, advice, and as root the real thing. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kmemstat/instance.h"
#include "record/cpu_stats.h"
#include "record/events.h"
#include "record/guardian.h"
#include "record/pids.h"
#include "record/tracefs.h"
#include "source/tracefs.h"

static void test_cpu_stats(void **state)
{
	const struct km_instance_stats stats =
		km_cpu_stats_parse("entries: 12\noverrun: 345\ncommit overrun: 6\nbytes: 7890\n"
				   "oldest event ts:  2722.511364\nnow ts:  2722.512012\n"
				   "dropped events: 70\nread events: 18446744073709551615\n");

	(void)state;
	assert_int_equal(stats.entries, 12);
	assert_int_equal(stats.overrun, 345);
	assert_int_equal(stats.dropped, 76);
	assert_int_equal(stats.bytes, 7890);
	assert_true(stats.read == UINT64_MAX);
	assert_int_equal(km_cpu_stats_parse("").entries, 0);
	/* "overrun" is the end of another name, too */
	assert_int_equal(km_cpu_stats_parse("commit overrun: 6\n").overrun, 0);
}

static const char available[] =
	"skb:kfree_skb\nkmem:rss_stat\nkmem:kmalloc\nkmem:kfree\n"
	"kmem:kmem_cache_free\nkmem:mm_page_alloc\nkmem:mm_page_free\n"
	"kmem:mm_page_pcpu_drain\npercpu:percpu_alloc_percpu\n"
	"percpu:percpu_alloc_percpu_fail\nother:kmalloc\nkmem:kmem_cache_alloc\n";

/* The names that are chosen with commas between, or the error's message. */
static char *choose(const char *text, const char *globs)
{
	struct km_event_names names = { 0 };
	char *copy = strdup(text), *line = strdup("");
	struct km_error *error = km_events_choose(copy, globs, &names);

	for (size_t i = 0; !error && i < names.nr; i++) {
		char *more;

		assert_true(asprintf(&more, "%s%s%s", line, i ? "," : "", names.names[i]) > 0);
		free(line);
		line = more;
	}
	if (error) {
		free(line);
		line = km_error_line(error);
	}
	km_error_free(error);
	km_event_names_deinit(&names);
	free(copy);
	return line;
}

static void assert_choice(const char *globs, const char *expected)
{
	char *line = choose(available, globs);

	assert_string_equal(line, expected);
	free(line);
}

static void test_choice(void **state)
{
	char *line;

	(void)state;
	assert_choice(NULL, "kmem:kfree,kmem:kmalloc,kmem:kmem_cache_alloc,kmem:kmem_cache_free,"
			    "percpu:percpu_alloc_percpu");
	assert_choice("slab", "kmem:kfree,kmem:kmalloc,kmem:kmem_cache_alloc,kmem:kmem_cache_free");
	assert_choice("page", "kmem:mm_page_alloc,kmem:mm_page_free");
	assert_choice("all", "kmem:kfree,kmem:kmalloc,kmem:kmem_cache_alloc,kmem:kmem_cache_free,"
			     "kmem:mm_page_alloc,kmem:mm_page_free,percpu:percpu_alloc_percpu");
	/* each once, in order, and of other systems only when they are named */
	assert_choice("kmalloc, kfree*,kmem:kmalloc", "kmem:kfree,kmem:kmalloc");
	assert_choice("skb:*,*:kmalloc", "kmem:kmalloc,other:kmalloc,skb:kfree_skb");
	assert_choice("kmalloc,nothing*",
		      "this kernel has no event 'nothing*'; give slab, percpu, page or all, or "
		      "names as kmem:kmalloc or kmem:kmem_cache_*");
	line = choose("skb:kfree_skb\n", NULL);
	assert_string_equal(line, "this kernel has no kmem events; take one that is built with "
				  "CONFIG_TRACING");
	free(line);
}

static void test_pids(void **state)
{
	struct km_pids pids = { 0 };
	struct km_error *error;
	char *text;

	(void)state;
	assert_null(km_pids_add(&pids, 12));
	assert_null(km_pids_add(&pids, 3));
	text = km_pids_list(&pids);
	assert_string_equal(text, "12 3");
	free(text);
	text = km_pids_filter_out(&pids, "bytes_req > 8 || bytes_req == 1");
	assert_string_equal(text, "(bytes_req > 8 || bytes_req == 1) && common_pid != 12 && "
				  "common_pid != 3");
	free(text);
	text = km_pids_filter_out(&pids, NULL);
	assert_string_equal(text, "common_pid != 12 && common_pid != 3");
	free(text);
	error = km_pids_add_process(&pids, "", 0x7ffffff0);
	assert_non_null(error);
	assert_string_equal(error->message, "there is no task 2147483632");
	km_error_free(error);
	assert_int_equal(pids.nr, 2);
	assert_null(km_pids_add_process(&pids, "", (int32_t)getpid()));
	assert_int_equal(pids.nr, 3);
	assert_int_equal(pids.ids[2], getpid());
	km_pids_deinit(&pids);
}

/* A root directory with such files. */
struct root {
	char path[64];
};

static void put(const struct root *root, const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "mkdir -p %s%s", root->path, dir);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s%s/%s", root->path, dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static struct root make_root(void)
{
	struct root root = { "/tmp/kmemstat-test-XXXXXX" };

	assert_non_null(mkdtemp(root.path));
	return root;
}

static void remove_root(const struct root *root)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", root->path);
	assert_int_equal(system(command), 0);
}

static void test_find(void **state)
{
	struct root root = make_root();
	struct km_error *error;
	char *path = NULL;

	(void)state;
	put(&root, "/proc/self", "mounts",
	    "proc /proc proc rw 0 0\ntracefs /sys/kernel/debug/tracing tracefs rw 0 0\n"
	    "nodev /sys/kernel/tracing tracefs rw 0 0\n");
	assert_null(km_tracefs_find(root.path, &path));
	assert_string_equal(path, "/sys/kernel/tracing");
	free(path);
	put(&root, "/proc/self", "mounts", "x /mnt/a\\040b\\134c tracefs rw 0 0\n");
	assert_null(km_tracefs_find(root.path, &path));
	assert_string_equal(path, "/mnt/a b\\c");
	free(path);
	put(&root, "/proc/self", "mounts", "proc /proc proc rw 0 0\ntracefs /x\n");
	put(&root, "/proc", "filesystems", "nodev\tsysfs\nnodev\ttracefs\n\text4\n");
	error = km_tracefs_find(root.path, &path);
	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_PERMISSION);
	assert_string_equal(error->message, "tracefs is not mounted");
	assert_string_equal(error->remedy,
			    "run as root: mount -t tracefs nodev /sys/kernel/tracing");
	km_error_free(error);
	put(&root, "/proc", "filesystems", "nodev\tsysfs\n");
	error = km_tracefs_find(root.path, &path);
	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_INPUT);
	assert_string_equal(error->message, "this kernel has no tracefs");
	km_error_free(error);
	remove_root(&root);
}

static void test_lockdown(void **state)
{
	struct root root = make_root();
	struct km_error *error;

	(void)state;
	put(&root, "/sys/kernel/security", "lockdown", "none integrity [confidentiality]\n");
	error = km_tracefs_error(root.path, "/t", "/t/instances", ENOENT, "cannot open");
	assert_int_equal(error->kind, KM_ERR_PERMISSION);
	assert_string_equal(error->remedy,
			    "kernel lockdown (confidentiality) may forbid tracing: see "
			    "kernel_lockdown(7), and boot without lockdown=confidentiality");
	km_error_free(error);
	put(&root, "/sys/kernel/security", "lockdown", "[none] integrity confidentiality\n");
	error = km_tracefs_error(root.path, "/t", "/t/instances", ENOENT, "cannot open");
	assert_int_equal(error->kind, KM_ERR_INPUT);
	assert_null(error->remedy);
	km_error_free(error);
	error = km_tracefs_error(root.path, "/t", "/t/x", EROFS, "cannot write");
	assert_string_equal(error->remedy, "run as root: mount -o remount,rw /t");
	km_error_free(error);
	remove_root(&root);
}

static void test_nodes(void **state)
{
	static const int16_t expected[] = { 0, 0, 2, -1, 0, -1, 2 };
	struct root root = make_root();
	struct km_cpunodes nodes = { 0 };

	(void)state;
	assert_null(km_tracefs_read_nodes(root.path, &nodes));
	assert_int_equal(nodes.nr_cpus, 0);
	put(&root, "/sys/devices/system/node", "online", "0,2-3\n");
	put(&root, "/sys/devices/system/node/node0", "cpulist", "0-1,4\n");
	put(&root, "/sys/devices/system/node/node2", "cpulist", "2,6\n");
	/* memory without CPUs */
	put(&root, "/sys/devices/system/node/node3", "cpulist", "\n");
	assert_null(km_tracefs_read_nodes(root.path, &nodes));
	assert_int_equal(nodes.nr_cpus, 7);
	assert_int_equal(km_cpunodes_nr_nodes(&nodes), 2);
	for (size_t cpu = 0; cpu < 7; cpu++)
		assert_int_equal(nodes.node[cpu], expected[cpu]);
	km_cpunodes_deinit(&nodes);
	remove_root(&root);
}

/* The rest is of the real tracefs. */

static bool can_trace(void)
{
	char *tracefs;
	struct km_error *error = km_tracefs_find("", &tracefs);
	bool can;

	if (error) {
		km_error_free(error);
		return false;
	}
	can = geteuid() == 0 && access(tracefs, R_OK | X_OK) == 0;
	free(tracefs);
	return can;
}

static void needs_tracefs(void)
{
	if (!can_trace())
		skip();
}

static char *read_of(const struct km_instance *instance, const char *name)
{
	char *text;
	size_t size;

	assert_null(km_instance_read_file(instance, name, &text, &size));
	return text;
}

static void test_real(void **state)
{
	static const char *const expected[] = { "kmem:kfree", "kmem:kmalloc" };
	const int32_t pid = (int32_t)getppid();
	const struct km_instance_options options = {
		.events = "kmalloc,kfree",
		.pids = &pid,
		.nr_pids = 1,
		.buffer_kib = 512,
		.stacks = true,
		.clock = "boot",
	};
	struct km_instance *instance;
	struct km_instance_stats stats;
	const char *const *events;
	char *text, *path, own[16];
	size_t nr;

	(void)state;
	needs_tracefs();
	assert_null(km_instance_create(&options, &instance));
	path = strdup(km_instance_path(instance));
	events = km_instance_events(instance, &nr);
	assert_int_equal(nr, 2);
	for (size_t i = 0; i < nr; i++)
		assert_string_equal(events[i], expected[i]);
	assert_true(km_instance_has_event(instance, "kmem:kfree"));
	assert_false(km_instance_has_event(instance, "kmem:kmem_cache_free"));
	assert_in_range(km_instance_nr_cpus(instance), 1, 65536);
	assert_in_range(km_instance_buffer_kib(instance), 512, 640);
	text = read_of(instance, "tracing_on");
	assert_string_equal(text, "0\n");
	free(text);
	text = read_of(instance, "trace_clock");
	assert_non_null(strstr(text, "[boot]"));
	free(text);
	text = read_of(instance, "options/stacktrace");
	assert_string_equal(text, "1\n");
	free(text);
	text = read_of(instance, "set_event_notrace_pid");
	snprintf(own, sizeof(own), "%d\n", (int)getpid());
	assert_non_null(strstr(text, own));
	free(text);
	assert_null(km_instance_start(instance));
	text = read_of(instance, "tracing_on");
	assert_string_equal(text, "1\n");
	free(text);
	assert_null(km_instance_cpu_stats(instance, 0, &stats));
	assert_int_equal(stats.read, 0);
	assert_null(km_instance_stop(instance));
	km_instance_destroy(instance);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

static void assert_refused(const struct km_instance_options *options, enum km_error_kind kind,
			   const char *message)
{
	struct km_instance *instance;
	struct km_error *error = km_instance_create(options, &instance);

	assert_non_null(error);
	assert_int_equal(error->kind, kind);
	assert_string_equal(error->message, message);
	km_error_free(error);
}

static void test_refused(void **state)
{
	(void)state;
	needs_tracefs();
	assert_refused(
		&(struct km_instance_options){ .events = "kmalloc", .filter = "bytes_req >=" },
		KM_ERR_USAGE,
		"the kernel does not take the filter 'bytes_req >=' for kmem:kmalloc: "
		"Invalid value (did you forget quotes)?");
	assert_refused(&(struct km_instance_options){ .events = "slab", .filter = "byte > 1" },
		       KM_ERR_USAGE, "no event has the fields of the filter 'byte > 1'");
	assert_refused(&(struct km_instance_options){ .clock = "sundial" }, KM_ERR_USAGE,
		       "this kernel has no trace clock 'sundial'");
	assert_refused(&(struct km_instance_options){ .events = "kmalloc,nosuch:*" }, KM_ERR_USAGE,
		       "this kernel has no event 'nosuch:*'");
}

static void test_left_out(void **state)
{
	const struct km_instance_options options = { .events = "kmalloc,kfree",
						     .filter = "bytes_req >= 1024" };
	struct km_instance *instance;
	const char *const *names;
	char *text;
	size_t nr;

	(void)state;
	needs_tracefs();
	assert_null(km_instance_create(&options, &instance));
	names = km_instance_left_out(instance, &nr);
	assert_int_equal(nr, 1);
	assert_string_equal(names[0], "kmem:kfree");
	names = km_instance_events(instance, &nr);
	assert_int_equal(nr, 1);
	assert_string_equal(names[0], "kmem:kmalloc");
	text = read_of(instance, "events/kmem/kmalloc/filter");
	assert_string_equal(text, "bytes_req >= 1024\n");
	free(text);
	text = read_of(instance, "events/kmem/kfree/enable");
	assert_string_equal(text, "0\n");
	free(text);
	km_instance_destroy(instance);
}

/* Of a process that has only the guardian. */
static bool kill_only_child(void)
{
	char path[64];
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &pid) != 1)
		return false;
	fclose(file);
	return kill(pid, SIGKILL) == 0;
}

/* A child that makes an instance, tells its path, and waits to be killed. */
static pid_t make_in_child(char *path, size_t room, bool kills_guardian)
{
	int fds[2];
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		struct km_instance *instance;

		if (km_instance_create(&(struct km_instance_options){ 0 }, &instance))
			_exit(1);
		if (kills_guardian && !kill_only_child())
			_exit(1);
		got = write(fds[1], km_instance_path(instance), strlen(km_instance_path(instance)));
		if (got < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	got = read(fds[0], path, room - 1);
	assert_true(got > 0);
	path[got] = '\0';
	close(fds[0]);
	return pid;
}

static bool is_gone_soon(const char *path)
{
	for (int i = 0; i < 1000 && access(path, F_OK) == 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	return access(path, F_OK) < 0;
}

static void test_killed(void **state)
{
	struct km_instance *instance;
	char path[256];
	pid_t pid;

	(void)state;
	needs_tracefs();
	/* the guardian removes it */
	pid = make_in_child(path, sizeof(path), false);
	assert_int_equal(access(path, F_OK), 0);
	/* another one leaves those alone that somebody has */
	assert_null(km_instance_create(&(struct km_instance_options){ 0 }, &instance));
	assert_int_equal(access(path, F_OK), 0);
	km_instance_destroy(instance);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(is_gone_soon(path));
	/* without it the next one does */
	pid = make_in_child(path, sizeof(path), true);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(access(path, F_OK), 0);
	assert_null(km_instance_create(&(struct km_instance_options){ 0 }, &instance));
	assert_int_equal(access(path, F_OK), -1);
	km_instance_destroy(instance);
}

static void test_foreign(void **state)
{
	static const char *const names[] = { "kmemstat-1", "kmemstat-12-x", "kmemstat-12-3-4" };
	struct km_instance *instance;
	char *tracefs, path[128];

	(void)state;
	needs_tracefs();
	assert_null(km_tracefs_find("", &tracefs));
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/instances/%s", tracefs, names[i]);
		assert_int_equal(mkdir(path, 0750), 0);
	}
	assert_null(km_instance_create(&(struct km_instance_options){ 0 }, &instance));
	km_instance_destroy(instance);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/instances/%s", tracefs, names[i]);
		assert_int_equal(rmdir(path), 0);
	}
	free(tracefs);
}

/* What a child finds out after it gave up its rights, as its exit status. */
static int try_without_rights(void)
{
	const struct km_instance_rights rights = { .has_user = true, .uid = 65534, .gid = 65534 };
	struct km_instance *instance;
	struct km_instance_stats stats;
	struct km_error *error;
	int fd;

	if (km_instance_create(&(struct km_instance_options){ 0 }, &instance))
		return 1;
	if (km_instance_drop_rights(instance, &rights))
		return 2;
	if (geteuid() != 65534 || getegid() != 65534 || setuid(0) == 0)
		return 3;
	if (km_instance_start(instance) || km_instance_cpu_stats(instance, 0, &stats) ||
	    km_instance_stop(instance))
		return 4;
	error = km_instance_open_file(instance, "trace", O_RDONLY, &fd);
	if (!error || error->kind != KM_ERR_PERMISSION)
		return 5;
	km_error_free(error);
	km_instance_destroy(instance);
	error = km_instance_create(&(struct km_instance_options){ 0 }, &instance);
	if (!error || error->kind != KM_ERR_PERMISSION || !strstr(error->remedy, "sudo"))
		return 6;
	km_error_free(error);
	return 0;
}

static void test_rights(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	needs_tracefs();
	pid = fork();
	if (!pid)
		_exit(try_without_rights());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_stats), cmocka_unit_test(test_choice),
		cmocka_unit_test(test_pids),      cmocka_unit_test(test_find),
		cmocka_unit_test(test_lockdown),  cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_real),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_left_out),  cmocka_unit_test(test_killed),
		cmocka_unit_test(test_foreign),   cmocka_unit_test(test_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
