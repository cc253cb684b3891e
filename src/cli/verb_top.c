/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat top: what the kernel's call sites are doing, full-screen or in batches. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/top.h"
#include "cli/verbs.h"

/* What signal handlers tell the loop that reads keys. */
static volatile sig_atomic_t ending_signal;
static volatile int signal_wake = -1;

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define NR_ENDING_SIGNALS (sizeof(ending_signals) / sizeof(ending_signals[0]))

static void on_signal(int signal_number)
{
	const uint64_t one = 1;
	const int err = errno;

	ending_signal = signal_number;
	if (write(signal_wake, &one, sizeof(one)) < 0)
		errno = err;
}

/* A signal that is ignored stays so. */
static void catch_signals(int wake)
{
	struct sigaction action = { .sa_handler = on_signal };

	signal_wake = wake;
	for (size_t i = 0; i < NR_ENDING_SIGNALS; i++) {
		struct sigaction old;

		sigaction(ending_signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(ending_signals[i], &action, NULL);
	}
}

/* Ends as the signal would have ended it, now that the terminal is as it was. */
static void die_of_signal(void)
{
	if (!ending_signal || ending_signal == SIGINT)
		return;
	signal(ending_signal, SIG_DFL);
	raise(ending_signal);
}

/* Batches: prints a frame as soon as it is made. */
struct batch {
	struct km_collector *collector;
	struct km_top_board *board;
	size_t width, nr;
	struct km_out out;
};

static struct km_error *print_frame(void *arg, struct km_top_frame *frame)
{
	struct batch *batch = arg;
	struct km_top_picture picture;
	struct km_error *error = km_top_board_show(batch->board, frame);

	if (!error)
		error = km_top_board_paint(batch->board, batch->width, 0, &picture);
	if (error)
		return error;
	if (batch->nr++)
		km_out_puts(&batch->out, "\n");
	km_top_picture_write(&picture, &batch->out);
	km_top_picture_deinit(&picture);
	error = km_out_finish(&batch->out);
	if (error && batch->out.error == EPIPE) {
		km_error_free(error);
		error = &km_output_reader_gone;
	}
	if (ending_signal)
		batch->collector->stop = true;
	return error;
}

static struct km_error *run_batch(struct km_collector *collector,
				  struct km_top_options *top_options)
{
	const struct km_options *options = &collector->options;
	const struct km_terminal terminal = km_terminal_ask(options);
	struct batch batch = { .collector = collector, .width = terminal.width };
	struct km_error *error;

	top_options->max_rows = options->lines;
	top_options->use_blocks = true;
	error = km_top_board_create(top_options, &batch.board);
	if (error)
		return error;
	km_out_init(&batch.out, stdout, "standard output");
	collector->on_frame = print_frame;
	collector->frame_arg = &batch;
	error = km_collector_start(collector);
	while (!error && collector->has_thread && !ending_signal) {
		struct pollfd wait = { .fd = collector->wake, .events = POLLIN };
		uint64_t nr;
		bool has_ended;

		if (poll(&wait, 1, -1) > 0 && read(collector->wake, &nr, sizeof(nr)) < 0)
			break;
		pthread_mutex_lock(&collector->lock);
		has_ended = collector->has_ended;
		pthread_mutex_unlock(&collector->lock);
		if (has_ended)
			break;
	}
	km_collector_stop(collector);
	if (!error) {
		error = collector->error;
		collector->error = NULL;
	}
	km_top_board_destroy(batch.board);
	return error;
}

/* The full screen. */
struct ui {
	struct km_collector *collector;
	struct km_helper *helper;
	struct km_top_board *board;
	struct km_top_screen *screen;
	int keys; /* what keys come from */
	bool is_over;
	struct km_error *error;
};

static void show_latest(struct ui *ui)
{
	struct km_top_frame *frame = km_collector_latest(ui->collector);

	if (!frame)
		return;
	if (!ui->error)
		ui->error = km_top_board_show(ui->board, frame);
	km_top_frame_release(frame);
}

static void take_key(struct ui *ui, unsigned int key)
{
	struct km_top_frame *frame = km_top_board_frame(ui->board);

	switch (km_top_board_key(ui->board, key)) {
	case KM_TOP_NOTHING:
		break;
	case KM_TOP_QUIT:
		ui->is_over = true;
		break;
	case KM_TOP_WRITE:
		if (frame && frame->owned) {
			km_top_board_say(ui->board, "writing %s ...", km_top_board_file(ui->board));
			km_helper_write(ui->helper, frame, km_top_board_file(ui->board));
		} else {
			km_top_board_say(ui->board, "there is nothing to write yet");
		}
		break;
	case KM_TOP_MARK_BASE:
		pthread_mutex_lock(&ui->collector->lock);
		ui->collector->marks_base = true;
		pthread_mutex_unlock(&ui->collector->lock);
		break;
	case KM_TOP_THAW:
		show_latest(ui);
		break;
	}
}

/* What the other threads have done meanwhile. */
static void take_news(struct ui *ui)
{
	struct km_collector *collector = ui->collector;
	char *result = km_helper_result(ui->helper);
	uint64_t nr;

	/* an error is that there is nothing to be read */
	if (read(collector->wake, &nr, sizeof(nr)) < 0)
		nr = 0;
	if (result)
		km_top_board_say(ui->board, "%s", result);
	free(result);
	show_latest(ui);
	pthread_mutex_lock(&collector->lock);
	if (collector->has_ended && collector->error && !ui->error) {
		ui->error = collector->error;
		collector->error = NULL;
	}
	/* the last frame stays, but for who has set an end */
	if (collector->has_ended && (collector->options.frames || collector->options.duration_ns))
		ui->is_over = true;
	pthread_mutex_unlock(&collector->lock);
}

static void run_ui(struct ui *ui)
{
	struct pollfd waits[] = {
		{ .fd = ui->keys, .events = POLLIN },
		{ .fd = ui->collector->wake, .events = POLLIN },
	};

	while (!ui->is_over && !ui->error && !ending_signal) {
		unsigned int key;

		ui->error = km_top_screen_paint(ui->screen, ui->board);
		if (ui->error)
			return;
		if (poll(waits, 2, -1) < 0 && errno != EINTR)
			return;
		/* the terminal is gone */
		if (waits[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return;
		if (waits[1].revents)
			take_news(ui);
		/* a resize is a key without anything to be read */
		while (!ui->is_over && km_top_screen_key(ui->screen, &key))
			take_key(ui, key);
	}
}

static struct km_error *run_screen(struct km_collector *collector,
				   struct km_top_options *top_options)
{
	const struct km_options *options = &collector->options;
	const struct km_terminal terminal = km_terminal_ask(options);
	FILE *input = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
	struct ui ui = { .collector = collector };
	struct km_error *error = NULL;

	if (!terminal.is_tty || !input) {
		if (input && input != stdin)
			fclose(input);
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL, "top needs a terminal"),
				       "give --batch to print frames as text");
	}
	/* ncurses has to know the characters; numbers keep their point */
	setlocale(LC_CTYPE, "");
	error = km_helper_create(collector, collector->wake, &ui.helper);
	if (!error) {
		top_options->use_blocks = terminal.use_blocks;
		top_options->source = km_helper_source;
		top_options->source_arg = ui.helper;
		error = km_top_board_create(top_options, &ui.board);
	}
	if (!error)
		error = km_top_screen_open(stdout, input, terminal.use_color, &ui.screen);
	if (!error) {
		collector->is_paced =
			collector->is_replay && !(options->has_speed && !options->speed);
		error = km_collector_start(collector);
		ui.keys = fileno(input);
		if (!error)
			run_ui(&ui);
	}
	km_top_screen_close(ui.screen);
	km_collector_stop(collector);
	if (!km_helper_destroy(ui.helper)) {
		/* debug information is being read: no reason to keep the user waiting */
		die_of_signal();
		fflush(stdout);
		_exit(ui.error || error ? KM_EXIT_INPUT : KM_EXIT_OK);
	}
	km_top_board_destroy(ui.board);
	if (input != stdin)
		fclose(input);
	return error ? error : ui.error;
}

/* A wrong key is told before anything is opened. */
static struct km_error *check_keys(const struct km_top_options *options)
{
	struct km_top_board *board;
	struct km_error *error = km_top_board_create(options, &board);

	if (!error)
		km_top_board_destroy(board);
	return error;
}

struct km_error *km_verb_top_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct km_top_options top_options = {
		.view = options->top_view,
		.sort = options->sort,
		.filter = options->match,
		.is_batch = options->batch,
	};
	struct km_options quiet = *options;
	struct km_collector collector;
	struct km_error *error = check_keys(&top_options);

	if (error)
		return error;
	/* nothing is to be written across the screen */
	quiet.quiet |= !options->batch;
	error = km_collector_init(&collector, &quiet);
	if (!error) {
		catch_signals(collector.wake);
		error = (options->batch ? run_batch : run_screen)(&collector, &top_options);
	}
	km_collector_deinit(&collector);
	if (!error) {
		die_of_signal();
		*ret_status = KM_EXIT_OK;
	}
	return error;
}
