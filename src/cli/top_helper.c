/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread of top that does what takes long: debug information takes seconds to open, and
 * reports have the source lines of all call sites. What was asked for last is done first: it is
 * what the user looks at.
 */
#include "cli/top.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memstream.h"
#include "kmemstat/sym.h"

/* One call site. Its strings do not change once it is done. */
struct entry {
	uint64_t id, address;
	uint32_t *sizes; /* requested, ascending */
	size_t nr_sizes;
	bool is_done;
	char *line, *chain, *type; /* or NULL: not known */
};

struct km_helper {
	struct km_collector *collector;
	int wake;
	pthread_t thread;
	/* the thread's own: debug information, and the frame whose symbols it goes by */
	struct km_resolver *resolver;
	const struct km_symtab *symtab;
	struct km_top_frame *frame;
	/* everything below under the lock */
	pthread_mutex_t lock;
	pthread_cond_t has_work;
	bool is_over;
	struct entry *entries; /* by when they were asked for */
	size_t nr_entries, room;
	size_t nr_left;              /* that are not done */
	struct km_top_frame *writes; /* the frame of the report to write, held; or NULL */
	char *file, *result;
};

static struct entry *find_entry(struct km_helper *helper, uint64_t id)
{
	for (size_t i = 0; i < helper->nr_entries; i++)
		if (helper->entries[i].id == id)
			return &helper->entries[i];
	return NULL;
}

static int compare_sizes(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Different sizes, ascending. Without memory there are none, and no type is looked up. */
static void copy_sizes(struct entry *entry, const struct km_top_row *row)
{
	size_t kept = 0;

	entry->sizes = calloc(row->nr_sizes + 1, sizeof(*entry->sizes));
	if (!entry->sizes)
		return;
	for (size_t i = 0; i < row->nr_sizes; i++)
		entry->sizes[i] = row->sizes[i].bytes_req;
	if (row->nr_sizes)
		qsort(entry->sizes, row->nr_sizes, sizeof(*entry->sizes), compare_sizes);
	for (size_t i = 0; i < row->nr_sizes; i++)
		if (!kept || entry->sizes[i] != entry->sizes[kept - 1])
			entry->sizes[kept++] = entry->sizes[i];
	entry->nr_sizes = kept;
}

static void add_entry(struct km_helper *helper, const struct km_top_row *row)
{
	struct entry *entry;

	if (helper->nr_entries == helper->room) {
		const size_t room = 2 * helper->room + 64;
		struct entry *entries = reallocarray(helper->entries, room, sizeof(*entries));

		if (!entries)
			return;
		helper->entries = entries;
		helper->room = room;
	}
	entry = &helper->entries[helper->nr_entries++];
	*entry = (struct entry){ .id = row->id, .address = row->address };
	copy_sizes(entry, row);
	helper->nr_left++;
	pthread_cond_signal(&helper->has_work);
}

struct km_top_source km_helper_source(void *arg, const struct km_top_row *row)
{
	struct km_helper *helper = arg;
	struct km_top_source source = { .is_pending = true, .line = "", .chain = "", .type = "" };
	const struct entry *entry;

	pthread_mutex_lock(&helper->lock);
	entry = find_entry(helper, row->id);
	if (!entry) {
		add_entry(helper, row);
	} else if (entry->is_done) {
		source.is_pending = false;
		source.line = entry->line ? entry->line : "";
		source.chain = entry->chain ? entry->chain : "";
		source.type = entry->type ? entry->type : "";
	}
	pthread_mutex_unlock(&helper->lock);
	return source;
}

static char *safe_text(char *text)
{
	char *safe = text ? km_text_safe(text) : NULL;

	free(text);
	return safe;
}

static void describe_chain(const struct km_chain *chain, struct entry *ret)
{
	const struct km_frame *frame = chain->nr_frames ? &chain->frames[0] : NULL;
	char *text = NULL;
	size_t size;
	FILE *stream;

	if (!frame || !frame->file)
		return;
	if (asprintf(&text, "%s:%" PRIu32, frame->file, frame->line) < 0)
		return;
	ret->line = safe_text(text);
	stream = open_memstream(&text, &size);
	if (!stream)
		return;
	for (size_t i = 0; i < chain->nr_frames; i++)
		if (chain->frames[i].function)
			fprintf(stream, "%s%s", i ? " in " : "", chain->frames[i].function);
	if (km_memstream_close(stream, &text))
		ret->chain = safe_text(text);
}

/* Only what is sure has a name. */
static void describe_types(const struct km_types *types, struct entry *ret)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	const char *before = "type: ";

	if (!stream)
		return;
	for (size_t i = 0; i < types->nr; i++) {
		const struct km_type *type = &types->types[i];

		if (type->sureness == KM_SURE_SEVERAL)
			continue;
		fprintf(stream, "%s%s (%" PRIu64 " bytes%s)", before, type->name, type->bytes,
			type->form == KM_FORM_ARRAY   ? ", an array of it"
			: type->form == KM_FORM_WHOLE ? ""
						      : ", and more behind it");
		before = ", ";
	}
	if (!km_memstream_close(stream, &text))
		return;
	if (*text)
		ret->type = safe_text(text);
	else
		free(text);
}

/* The resolver for symbols of the newest frame; NULL if there are none. */
static struct km_resolver *resolver_of_now(struct km_helper *helper)
{
	struct km_top_frame *frame = km_collector_latest(helper->collector);
	const struct km_session *session = frame ? km_collector_session_of(frame) : NULL;
	struct km_error *error;

	if (!session || (helper->resolver && session->symtab == helper->symtab)) {
		km_top_frame_release(frame);
		return helper->resolver;
	}
	km_resolver_destroy(helper->resolver);
	helper->resolver = NULL;
	km_top_frame_release(helper->frame);
	helper->frame = frame;
	helper->symtab = session->symtab;
	error = km_session_make_resolver(&helper->collector->session, helper->symtab,
					 &helper->resolver);
	if (error) {
		pthread_mutex_lock(&helper->lock);
		free(helper->result);
		helper->result = km_error_line(error);
		pthread_mutex_unlock(&helper->lock);
		km_error_free(error);
	}
	return helper->resolver;
}

/* Fills in what the debug information says of a call site. */
static void look_up(struct km_helper *helper, struct entry *entry)
{
	struct km_resolver *resolver = resolver_of_now(helper);
	struct km_types types = { 0 };
	struct km_chain chain = { 0 };
	struct km_error *error;

	if (!resolver)
		return;
	error = km_resolver_lookup(resolver, entry->address, &chain);
	if (!error)
		describe_chain(&chain, entry);
	if (!error && entry->nr_sizes)
		error = km_resolver_types(resolver, entry->address, entry->sizes, entry->nr_sizes,
					  &types);
	if (!error)
		describe_types(&types, entry);
	km_error_free(error);
}

/* The format of a report by the end of its name. */
static const char *format_of(const char *file)
{
	static const struct {
		const char *end, *format;
	} formats[] = {
		{ ".json", "json" },   { ".jsonl", "jsonl" },        { ".csv", "csv" },
		{ ".md", "markdown" }, { ".sarif", "sarif" },        { ".prom", "openmetrics" },
		{ ".xml", "junit" },   { ".codequality", "gitlab" },
	};
	const char *end = strrchr(file, '.');

	for (size_t i = 0; end && i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(end, formats[i].end) == 0)
			return formats[i].format;
	return NULL;
}

/* The report as text, malloc'ed. */
static struct km_error *render(struct km_session *main_session, struct km_session *session,
			       const char *format, char **ret, size_t *ret_size)
{
	const struct km_renderer *renderer = km_renderer_find(format);
	const struct km_view_options keys = {
		.min_severity = KM_FIND_LOW,
		.shows = KM_SHOWS_FINDINGS | KM_SHOWS_LIST(KM_LIST_CALLSITES),
	};
	struct km_render_options options = { .list = renderer->list,
					     .top = main_session->options->top };
	struct km_view *view;
	struct km_error *error = NULL;
	struct km_out out;
	FILE *stream;

	if (!session->resolver)
		error = km_session_make_resolver(main_session, session->symtab, &session->resolver);
	if (!error && session->resolver)
		error = km_report_resolve(session->report, NULL, session->resolver);
	if (!error && session->resolver)
		session->report->quality.count[KM_DEBUG_FILES_FAILED] =
			km_resolver_nr_failures(session->resolver);
	if (!error)
		error = km_view_create(session->report, &keys, &view);
	if (error)
		return error;
	options.view = view;
	stream = open_memstream(ret, ret_size);
	if (stream) {
		km_out_init(&out, stream, "a report");
		error = renderer->render(session->report, &options, &out);
		if (!error)
			error = km_out_finish(&out);
		if (!km_memstream_close(stream, ret) && !error)
			error = &km_error_memory;
	} else {
		error = &km_error_memory;
	}
	km_view_destroy(view);
	return error;
}

/* A new file; what is there stays, whatever the user typed. */
static struct km_error *write_file(const char *file, const char *text, size_t size)
{
	const int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int err = 0;

	if (fd < 0 && errno == EEXIST)
		return km_error_create(KM_ERR_OUTPUT, file, "is there: give another name");
	if (fd < 0)
		return km_error_os(KM_ERR_OUTPUT, file, errno, "cannot be written");
	while (size && !err) {
		const ssize_t nr = write(fd, text, size);

		if (nr < 0 && errno != EINTR)
			err = errno;
		else if (nr > 0) {
			text += nr;
			size -= (size_t)nr;
		}
	}
	if (close(fd) && !err)
		err = errno;
	if (!err)
		return NULL;
	unlink(file);
	return km_error_os(KM_ERR_OUTPUT, file, err, "cannot be written");
}

static char *write_report(struct km_helper *helper, const struct km_top_frame *frame,
			  const char *file)
{
	struct km_session *session = km_collector_session_of(frame);
	const char *format = format_of(file);
	struct km_error *error;
	char *text = NULL, *result;
	size_t size = 0;

	if (!format)
		return strdup("the name's end tells no format: .json .jsonl .csv .md .sarif .prom "
			      ".xml .codequality");
	error = render(&helper->collector->session, session, format, &text, &size);
	if (!error)
		error = write_file(file, text, size);
	free(text);
	if (error) {
		result = km_error_line(error);
		km_error_free(error);
		return result;
	}
	return asprintf(&result, "%s written, %zu bytes", file, size) < 0 ? NULL : result;
}

static void wake_up(const struct km_helper *helper)
{
	const uint64_t one = 1;

	/* if it is full it is awake */
	if (write(helper->wake, &one, sizeof(one)) < 0)
		return;
}

/* Writes a report, without the lock that is held. */
static void do_write(struct km_helper *helper)
{
	struct km_top_frame *frame = helper->writes;
	char *file = helper->file, *result;

	helper->writes = NULL;
	helper->file = NULL;
	pthread_mutex_unlock(&helper->lock);
	result = write_report(helper, frame, file);
	km_top_frame_release(frame);
	free(file);
	pthread_mutex_lock(&helper->lock);
	free(helper->result);
	helper->result = result;
}

/* Looks up the call site that was asked for last, without the lock that is held. */
static void do_lookup(struct km_helper *helper)
{
	size_t at = helper->nr_entries - 1;
	struct entry entry;

	while (helper->entries[at].is_done)
		at--;
	entry = helper->entries[at];
	pthread_mutex_unlock(&helper->lock);
	look_up(helper, &entry);
	pthread_mutex_lock(&helper->lock);
	entry.is_done = true;
	helper->entries[at] = entry;
	helper->nr_left--;
}

static void *run_helper(void *arg)
{
	struct km_helper *helper = arg;

	pthread_mutex_lock(&helper->lock);
	while (!helper->is_over) {
		if (helper->writes) {
			do_write(helper);
		} else if (helper->nr_left) {
			do_lookup(helper);
		} else {
			pthread_cond_wait(&helper->has_work, &helper->lock);
			continue;
		}
		wake_up(helper);
	}
	pthread_mutex_unlock(&helper->lock);
	return NULL;
}

struct km_error *km_helper_create(struct km_collector *collector, int wake, struct km_helper **ret)
{
	struct km_helper *helper = calloc(1, sizeof(*helper));
	sigset_t all, before;
	int err;

	if (!helper)
		return &km_error_memory;
	helper->collector = collector;
	helper->wake = wake;
	pthread_mutex_init(&helper->lock, NULL);
	pthread_cond_init(&helper->has_work, NULL);
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&helper->thread, NULL, run_helper, helper);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err) {
		free(helper);
		return &km_error_memory;
	}
	*ret = helper;
	return NULL;
}

bool km_helper_destroy(struct km_helper *helper)
{
	struct timespec until;

	if (!helper)
		return true;
	pthread_mutex_lock(&helper->lock);
	helper->is_over = true;
	pthread_cond_signal(&helper->has_work);
	pthread_mutex_unlock(&helper->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 300000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_timedjoin_np(helper->thread, NULL, &until))
		return false;
	for (size_t i = 0; i < helper->nr_entries; i++) {
		free(helper->entries[i].sizes);
		free(helper->entries[i].line);
		free(helper->entries[i].chain);
		free(helper->entries[i].type);
	}
	free(helper->entries);
	km_resolver_destroy(helper->resolver);
	km_top_frame_release(helper->frame);
	km_top_frame_release(helper->writes);
	free(helper->file);
	free(helper->result);
	pthread_mutex_destroy(&helper->lock);
	pthread_cond_destroy(&helper->has_work);
	free(helper);
	return true;
}

void km_helper_write(struct km_helper *helper, struct km_top_frame *frame, const char *file)
{
	char *copy = strdup(file);

	pthread_mutex_lock(&helper->lock);
	if (copy && !helper->writes) {
		helper->writes = km_top_frame_hold(frame);
		helper->file = copy;
		copy = NULL;
		pthread_cond_signal(&helper->has_work);
	}
	pthread_mutex_unlock(&helper->lock);
	free(copy);
}

char *km_helper_result(struct km_helper *helper)
{
	char *result;

	pthread_mutex_lock(&helper->lock);
	result = helper->result;
	helper->result = NULL;
	pthread_mutex_unlock(&helper->lock);
	return result;
}
