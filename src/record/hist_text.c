/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of an event's hist file -> its entries. The format is told in the header. */
#include "record/hist_text.h"

#include <string.h>

void km_hist_text_init(struct km_hist_text *text, const char *bytes, size_t size)
{
	*text = (struct km_hist_text){ .at = bytes, .end = bytes + size };
}

/* A line in hand, from which words are taken. */
struct line {
	const char *at, *end;
};

static bool skip(struct line *line, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(line->end - line->at) < len || memcmp(line->at, word, len) != 0)
		return false;
	line->at += len;
	return true;
}

static void skip_blanks(struct line *line)
{
	while (line->at < line->end && *line->at == ' ')
		line->at++;
}

/* The value of a digit, 16 if it is none. */
static unsigned int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	return 16;
}

/* A number behind blanks; false if there is none, or more than 64 bits hold. */
static bool take_number(struct line *line, unsigned int base, uint64_t *ret)
{
	uint64_t number = 0;
	const char *first;

	skip_blanks(line);
	first = line->at;
	for (; line->at < line->end && digit_of(*line->at) < base; line->at++)
		if (__builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, digit_of(*line->at), &number))
			return false;
	*ret = number;
	return line->at > first;
}

/* "name:", of which nothing is kept. */
static bool skip_name(struct line *line)
{
	const char *first = line->at;

	while (line->at < line->end && *line->at != ':' && *line->at != ' ')
		line->at++;
	return line->at > first && skip(line, ":");
}

/* How many keys there are, and which of them are hexadecimal. */
static bool read_keys(struct km_hist_text *text)
{
	const char *end = text->keys + text->keys_len;

	text->nr_keys = text->hex_keys = 0;
	for (const char *key = text->keys; key <= end;) {
		const char *comma = memchr(key, ',', (size_t)(end - key));
		const char *key_end = comma ? comma : end;

		if (text->nr_keys == KM_HIST_MOST_KEYS || key == key_end) {
			text->nr_keys = 0;
			return false;
		}
		if (key_end - key > 4 && memcmp(key_end - 4, ".hex", 4) == 0)
			text->hex_keys |= 1U << text->nr_keys;
		text->nr_keys++;
		key = key_end + 1;
	}
	return true;
}

/* "hist:keys=K:vals=V:sort=S:size=N if FILTER [active]" */
static bool read_head(struct km_hist_text *text, struct line line)
{
	const char *keys_end, *filter;

	if (!skip(&line, "hist:keys="))
		return false;
	/* the state, in brackets */
	while (line.end > line.at && line.end[-1] != '[')
		line.end--;
	if (line.end - line.at < 2 || line.end[-2] != ' ')
		return false;
	line.end -= 2;
	filter = memmem(line.at, (size_t)(line.end - line.at), " if ", 4);
	text->filter = filter ? filter + 4 : line.end;
	text->filter_len = (size_t)(line.end - text->filter);
	if (filter)
		line.end = filter;
	keys_end = memchr(line.at, ':', (size_t)(line.end - line.at));
	text->keys = line.at;
	text->keys_len = (size_t)((keys_end ? keys_end : line.end) - line.at);
	return read_keys(text);
}

/* "{ KEY: N, KEY: N } hitcount: N" */
static bool read_entry(struct km_hist_text *text, struct line line)
{
	if (!text->nr_keys)
		return false;
	for (unsigned int i = 0; i < text->nr_keys; i++) {
		if (i && !skip(&line, ", "))
			return false;
		if (!skip_name(&line) ||
		    !take_number(&line, text->hex_keys >> i & 1 ? 16 : 10, &text->key[i]))
			return false;
	}
	skip_blanks(&line);
	if (!skip(&line, "} hitcount:") || !take_number(&line, 10, &text->hits))
		return false;
	return line.at == line.end;
}

/* "Hits: 7"; the last of the three lines ends the table. */
static enum km_hist_item read_total(struct km_hist_text *text, struct line line, bool *ret_is_done)
{
	const bool is_last = line.at < line.end && *line.at == 'D';
	bool is_good = (skip(&line, "Hits:") && take_number(&line, 10, &text->total_hits)) ||
		       (skip(&line, "Entries:") && take_number(&line, 10, &text->total_entries)) ||
		       (skip(&line, "Dropped:") && take_number(&line, 10, &text->total_dropped));

	if (!is_good || line.at != line.end || !text->nr_keys) {
		*ret_is_done = true;
		return KM_HIST_BAD;
	}
	*ret_is_done = is_last;
	if (is_last)
		text->nr_keys = 0;
	return KM_HIST_TOTALS;
}

/* What a line is; false if it is nothing of interest. */
static bool read_line(struct km_hist_text *text, struct line line, enum km_hist_item *ret)
{
	if (skip(&line, "# trigger info: ")) {
		/* one whose totals are missing was cut */
		const bool is_cut = text->nr_keys != 0;

		text->nr_keys = 0;
		*ret = read_head(text, line) && !is_cut ? KM_HIST_HEAD : KM_HIST_BAD;
		return true;
	}
	if (skip(&line, "{ ")) {
		*ret = read_entry(text, line) ? KM_HIST_ENTRY : KM_HIST_BAD;
		return true;
	}
	if (skip(&line, "    ")) {
		bool is_done;

		*ret = read_total(text, line, &is_done);
		return is_done;
	}
	*ret = KM_HIST_BAD;
	return line.at < line.end && *line.at != '#' &&
	       !(skip(&line, "Totals:") && line.at == line.end);
}

enum km_hist_item km_hist_text_next(struct km_hist_text *text)
{
	while (text->at < text->end) {
		const size_t left = (size_t)(text->end - text->at);
		const char *newline = memchr(text->at, '\n', left);
		const struct line line = { text->at, newline ? newline : text->end };
		enum km_hist_item item;

		text->at = newline ? newline + 1 : text->end;
		if (read_line(text, line, &item))
			return item;
	}
	if (!text->nr_keys)
		return KM_HIST_END;
	/* the totals of the last table are missing */
	text->nr_keys = 0;
	return KM_HIST_BAD;
}
