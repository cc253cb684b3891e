/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of traces as text. An event is
 *
 *	          <idle>-0       [001] d..1.    23.195634: kmalloc: call_site=...	tracefs
 *	          <idle>-0       (-------) [001] d..1.    23.195634: kmalloc: ...	with TGID
 *	  <idle>-0         1d..1.   17us+: kmalloc: ...				latency format
 *	          <idle>-0     [001]    23.195634: kmalloc:              ...	trace-cmd report
 *	swapper     0 [001]    23.195634:          kmem:kmalloc: ...		perf script
 *
 * (kernel/trace/trace_output.c, trace_print_context() and trace_print_lat_context(), v6.1). A
 * command can have any character in it, so a line is read backwards from its time, which is what
 * stands before the first colon that has a time before it.
 */
#include "source/text.h"

#include <string.h>

static inline bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static const char *skip_back(const char *line, const char *end)
{
	while (end > line && end[-1] == ' ')
		end--;
	return end;
}

/* The start of the word that ends at `end`. */
static const char *word_back(const char *line, const char *end)
{
	while (end > line && end[-1] != ' ' && end[-1] != '\t')
		end--;
	return end;
}

bool km_text_number(struct km_span text, unsigned int base, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	if (base == 16 && text.len > 2 && text.at[0] == '0' && (text.at[1] | 0x20) == 'x')
		i = 2;
	if (i == text.len)
		return false;
	for (; i < text.len; i++) {
		unsigned int digit = (unsigned int)(unsigned char)text.at[i] - '0';

		if (digit > 9) {
			digit = (((unsigned int)(unsigned char)text.at[i] | 0x20) - 'a') + 10;
			if (digit < 10 || digit >= base)
				return false;
		}
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	*ret = value;
	return true;
}

/* "123", "123.456789", "17us", "17us+". */
static bool is_stamp(const char *at, const char *end)
{
	const char *p = at;
	bool has_point = false;

	while (p < end && is_digit(*p))
		p++;
	if (p == at)
		return false;
	if (p < end && *p == '.') {
		has_point = true;
		for (p++; p < end && is_digit(*p); p++)
			;
		if (!is_digit(p[-1]))
			return false;
	}
	if (p == end)
		return true;
	if (has_point || end - p < 2 || p[0] != 'u' || p[1] != 's')
		return false;
	p += 2;
	return p == end || (p + 1 == end && strchr("!+#*@$ ", *p));
}

uint64_t km_text_stamp_ns(struct km_span stamp)
{
	uint64_t whole = 0, part = 0, scale = 1000000000;
	size_t i = stamp.len;

	/* behind the last space */
	while (i && stamp.at[i - 1] != ' ')
		i--;
	for (; i < stamp.len && is_digit(stamp.at[i]); i++)
		whole = whole * 10 + (uint64_t)(stamp.at[i] - '0');
	if (i == stamp.len)
		return whole;
	if (stamp.at[i] == 'u')
		return whole * 1000;
	for (i++; i < stamp.len && is_digit(stamp.at[i]) && scale > 1; i++) {
		scale /= 10;
		part += (uint64_t)(stamp.at[i] - '0') * scale;
	}
	return whole * 1000000000 + part;
}

/* "[001]" before `end`. */
static const char *bracketed_cpu(const char *line, const char *end, uint32_t *ret)
{
	const char *p = end - 1;
	uint64_t value;

	if (end - line < 3 || *p != ']')
		return NULL;
	while (p > line && is_digit(p[-1]))
		p--;
	if (p == line || p[-1] != '[' ||
	    !km_text_number((struct km_span){ p, (size_t)(end - 1 - p) }, 10, &value) ||
	    value > UINT16_MAX)
		return NULL;
	*ret = (uint32_t)value;
	return p - 1;
}

/* "  1d..1." before `end`, with -R "1-0x0": a CPU with flags close to it. */
static const char *latency_cpu(const char *line, const char *end, uint32_t *ret)
{
	const char *word = word_back(line, end), *p = word;
	uint64_t value;

	while (p < end && is_digit(*p))
		p++;
	if (p == word || end - p < 3 || end - p > 12 ||
	    !km_text_number((struct km_span){ word, (size_t)(p - word) }, 10, &value) ||
	    value > UINT16_MAX)
		return NULL;
	for (; p < end; p++)
		if (!is_digit(*p) && *p != '.' && *p != '#' && *p != '-' &&
		    !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
			return NULL;
	*ret = (uint32_t)value;
	return word;
}

/* The CPU's place before `end`, where the time begins. */
static const char *find_cpu(const char *line, const char *end, uint32_t *ret)
{
	const char *p = bracketed_cpu(line, end, ret), *word;

	if (p)
		return p;
	/* the flags stand between: "d..1." */
	word = word_back(line, end);
	if (end - word <= 12) {
		p = bracketed_cpu(line, skip_back(line, word), ret);
		if (p)
			return p;
	}
	return latency_cpu(line, end, ret);
}

/* The pid before `end`: "sh-98", "sh-98 (   98)", "sh 98", "sh 98/98". */
bool km_text_find_pid(const char *line, const char *end, int32_t *ret, struct km_span *ret_comm)
{
	const char *p = skip_back(line, end), *digits;
	uint64_t value;

	if (p > line && p[-1] == ')') {
		while (p > line && p[-1] != '(')
			p--;
		p = skip_back(line, p > line ? p - 1 : line);
	}
	digits = p;
	while (digits > line && is_digit(digits[-1]))
		digits--;
	if (digits == p || digits == line || p - digits > 10 ||
	    (digits[-1] != '-' && digits[-1] != ' ' && digits[-1] != '/' && digits[-1] != '\t'))
		return false;
	/* perf's "-1" has a space before it */
	if (!km_text_number((struct km_span){ digits, (size_t)(p - digits) }, 10, &value))
		return false;
	*ret = (int32_t)value;
	p = digits - 1;
	if (*p == '/')
		while (p > line && is_digit(p[-1]))
			p--;
	p = *p == '-' ? p : skip_back(line, p);
	while (line < p && *line == ' ')
		line++;
	*ret_comm = (struct km_span){ line, (size_t)(p - line) };
	return true;
}

/* The event's name behind `p`. */
static bool find_name(const char *p, const char *end, struct km_text_head *ret)
{
	const char *colon, *start;

	while (p < end && *p == ' ')
		p++;
	start = p;
	colon = memchr(p, ':', (size_t)(end - p));
	if (!colon || colon == p)
		return false;
	ret->system = (struct km_span){ p, 0 };
	if (colon + 1 < end && colon[1] != ' ' && colon[1] != '\t') {
		ret->system.len = (size_t)(colon - p);
		p = colon + 1;
		colon = memchr(p, ':', (size_t)(end - p));
		if (!colon || colon == p)
			return false;
	}
	for (const char *c = start; c < colon; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	if (colon - start > 128)
		return false;
	ret->name = (struct km_span){ p, (size_t)(colon - p) };
	ret->fields = colon + 1;
	return true;
}

/*
 * trace-cmd report puts the time of a raw clock close to what is before it: "[001]171774035666:",
 * "1.....171774035666:".
 */
static const char *stamp_start(const char *line, const char *word, const char *colon)
{
	const char *at = memrchr(word, ']', (size_t)(colon - word)), *p = colon;
	uint32_t cpu;

	if (at)
		return at + 1;
	while (p > word && is_digit(p[-1]))
		p--;
	if (p == colon || p == word || !(p[-1] == '.' || (p[-1] >= 'A' && p[-1] <= 'Z')) ||
	    (p > word + 1 && p[-1] == '.' && is_digit(p[-2]) && is_stamp(word, colon)))
		return word;
	return latency_cpu(line, p, &cpu) ? p : word;
}

bool km_text_head_parse(const char *line, const char *end, struct km_text_head *ret)
{
	for (const char *colon = line; (colon = memchr(colon, ':', (size_t)(end - colon)));
	     colon++) {
		const char *word = word_back(line, colon), *at;

		/* a space may stand between "17us" and the colon, for a mark */
		if (word == colon && colon > line)
			word = word_back(line, skip_back(line, colon));
		word = stamp_start(line, word, colon);
		if (word == line || colon + 1 >= end || colon[1] != ' ' || !is_stamp(word, colon))
			continue;
		at = find_cpu(line, skip_back(line, word), &ret->cpu);
		if (!at) {
			/* perf script of samples without a CPU */
			at = word;
			ret->cpu = 0;
		}
		if (!km_text_find_pid(line, at, &ret->pid, &ret->comm))
			continue;
		ret->stamp = (struct km_span){ word, (size_t)(colon - word) };
		if (find_name(colon + 1, end, ret))
			return true;
	}
	return false;
}

static bool begins(const char *line, const char *end, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(end - line) >= len && memcmp(line, with, len) == 0;
}

/* "CPU:1 [LOST 23 EVENTS]", "CPU:1 [23 EVENTS DROPPED]", "CPU:1 [EVENTS DROPPED]". */
static bool parse_lost(const char *line, const char *end, struct km_text_note *ret)
{
	const char *p = line;
	uint64_t value;

	ret->has_cpu = false;
	ret->lost = 0;
	if (begins(p, end, "CPU:")) {
		const char *digits = p += 4;

		while (p < end && is_digit(*p))
			p++;
		if (!km_text_number((struct km_span){ digits, (size_t)(p - digits) }, 10, &value) ||
		    value > UINT16_MAX)
			return false;
		ret->cpu = (uint32_t)value;
		ret->has_cpu = true;
		while (p < end && *p == ' ')
			p++;
	}
	if (p == end || *p++ != '[' || end[-1] != ']')
		return false;
	if (begins(p, end, "EVENTS DROPPED]") || begins(p, end, "LOST EVENTS]"))
		return true;
	if (begins(p, end, "LOST "))
		p += 5;
	line = p;
	while (p < end && is_digit(*p))
		p++;
	return km_text_number((struct km_span){ line, (size_t)(p - line) }, 10, &ret->lost) &&
	       (begins(p, end, " EVENTS]") || begins(p, end, " EVENTS DROPPED]"));
}

/* "	ffffffff85aa92c7 kfree+0x7 ([kernel.kallsyms])" of perf script. */
static bool parse_perf_frame(const char *line, const char *end, struct km_text_note *ret)
{
	const char *p = line, *digits;
	uint64_t value;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	digits = p;
	while (p<end && * p> ' ')
		p++;
	ret->frame = (struct km_span){ digits, (size_t)(p - digits) };
	while (p < end && *p == ' ')
		p++;
	ret->name = (struct km_span){ p, 0 };
	/* "[unknown]" is none */
	while (p<end && * p> ' ' && *ret->name.at != '[')
		ret->name.len = (size_t)(++p - ret->name.at);
	return digits > line && ret->frame.len <= 16 && km_text_number(ret->frame, 16, &value);
}

/* " => kfree", "=> kfree+0x1b/0x40", "=> kfree (ffffffff85aa6d34)". */
static bool parse_arrow_frame(const char *line, const char *end, struct km_text_note *ret)
{
	const char *p = line;
	uint64_t value;

	while (p < end && *p == ' ')
		p++;
	if (!begins(p, end, "=> "))
		return false;
	p += 3;
	if (end > p && end[-1] == ')') {
		const char *open = memrchr(p, '(', (size_t)(end - p));

		if (open) {
			ret->frame = (struct km_span){ open + 1, (size_t)(end - 2 - open) };
			while (open > p && open[-1] == ' ')
				open--;
			ret->name = (struct km_span){ p, (size_t)(open - p) };
			if (km_text_number(ret->frame, 16, &value))
				return true;
		}
	}
	ret->frame = (struct km_span){ p, (size_t)(end - p) };
	ret->name = (struct km_span){ p, 0 };
	return p < end;
}

enum km_text_line km_text_note_parse(const char *line, const char *end, struct km_text_note *ret)
{
	const char *p = line;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *line == '#')
		return KM_TL_EMPTY;
	if (*line == 'C' || *line == '[') {
		if (parse_lost(line, end, ret))
			return KM_TL_LOST;
		/* trace-cmd report: "CPU 1 is empty" */
		if (begins(line, end, "CPU ") && end - line > 9 &&
		    begins(end - 9, end, " is empty"))
			return KM_TL_EMPTY;
		return KM_TL_BAD;
	}
	if (begins(line, end, "cpus=") || begins(line, end, "version = ") ||
	    begins(line, end, "trace-cmd: "))
		return KM_TL_EMPTY;
	if (parse_arrow_frame(line, end, ret) || parse_perf_frame(line, end, ret))
		return KM_TL_FRAME;
	return KM_TL_BAD;
}
