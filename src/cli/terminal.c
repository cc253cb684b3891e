/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Terminal, messages, progress. */
#include "cli/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "kmemstat/out.h"

static bool is_dumb_terminal(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || strcmp(term, "dumb") == 0;
}

/* Whether the user's locale is UTF-8. The program's own stays "C": numbers have points. */
/* Of the name, "de_DE.UTF-8": systems without that locale, and static programs, know no more. */
static bool is_utf8_name(void)
{
	static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i]);
		const char *codeset = value ? strchr(value, '.') : NULL;

		if (!value || !*value)
			continue;
		return codeset &&
		       (strcasecmp(codeset, ".UTF-8") == 0 || strcasecmp(codeset, ".UTF8") == 0);
	}
	return false;
}

static bool is_utf8_locale(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool is_utf8;

	if (!locale)
		return is_utf8_name();
	is_utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return is_utf8 || is_utf8_name();
}

struct km_terminal km_terminal_ask(const struct km_options *options)
{
	struct km_terminal ret = { 0 };
	struct winsize size = { 0 };
	const char *no_color = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */

	ret.is_tty = !options->output && isatty(STDOUT_FILENO);
	if (ret.is_tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
		ret.width = size.ws_col;
		ret.height = size.ws_row;
	}
	if (options->has_width)
		ret.width = (unsigned int)options->width;
	if (options->color == KM_WHEN_AUTO)
		ret.use_color = ret.is_tty && !is_dumb_terminal() && !(no_color && *no_color);
	else
		ret.use_color = options->color == KM_WHEN_ALWAYS;
	ret.use_blocks = is_utf8_locale();
	return ret;
}

km_day km_today(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t now = time(NULL);
	struct tm day;

	if (epoch && *epoch) {
		char *end;
		long long seconds;

		errno = 0;
		seconds = strtoll(epoch, &end, 10);
		if (!errno && !*end && seconds >= 0)
			now = (time_t)seconds;
	}
	/* years beyond 9999 are none that a file can name */
	if (!gmtime_r(&now, &day) || day.tm_year > 9999 - 1900)
		return 99991231;
	return (km_day)((day.tm_year + 1900) * 10000 + (day.tm_mon + 1) * 100 + day.tm_mday);
}

void km_say(const char *format, ...)
{
	va_list args;
	char *text = NULL, *safe = NULL;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		safe = km_text_safe(text);
	fprintf(stderr, "kmemstat: %s\n", safe ? safe : km_error_memory.message);
	free(safe);
	free(text);
}

void km_say_error(const struct km_error *error)
{
	char *line = km_error_line(error);

	km_say("%s", line ? line : km_error_memory.message);
	free(line);
}

double km_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void km_progress_init(struct km_progress *progress, const struct km_options *options)
{
	*progress = (struct km_progress){
		.is_on = !options->quiet && isatty(STDERR_FILENO),
		.is_dumb = is_dumb_terminal(),
		.start = km_now(),
	};
}

void km_progress_update(void *arg, uint64_t bytes_done, uint64_t bytes_total, uint64_t events_done)
{
	struct km_progress *progress = arg;
	double now, elapsed, left;

	if (!progress->is_on || bytes_done == 0 || bytes_done >= bytes_total)
		return;
	now = km_now();
	elapsed = now - progress->start;
	if (elapsed < 0.5 || now - progress->last < 0.1)
		return;
	progress->last = now;
	progress->is_shown = true;
	left = 0.5 + elapsed * (double)(bytes_total - bytes_done) / (double)bytes_done;
	fprintf(stderr, "\rkmemstat: %3.0f%%, %.0f MB/s, %.1f million events/s, %.0f:%02d left%s",
		100.0 * (double)bytes_done / (double)bytes_total,
		(double)bytes_done / 1e6 / elapsed, (double)events_done / 1e6 / elapsed,
		(double)((uint64_t)left / 60), (int)((uint64_t)left % 60),
		progress->is_dumb ? "   " : "\033[K");
}

void km_progress_finish(struct km_progress *progress)
{
	if (progress->is_shown)
		fprintf(stderr, progress->is_dumb ? "\n" : "\r\033[K");
	progress->is_shown = false;
}
