/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields and flag names out of the text of an event's format. */
#include "decode/format_text.h"

#include <string.h>

/* Brackets in brackets that a mask may have; kernels have 12. */
#define MOST_DEPTH 64

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void span_skip(struct km_span *span, size_t len)
{
	span->at += len;
	span->len -= len;
}

/* Cuts `word` off, if the span begins with it. */
static bool span_take(struct km_span *span, const char *word)
{
	size_t len = strlen(word);

	if (span->len < len || memcmp(span->at, word, len) != 0)
		return false;
	span_skip(span, len);
	return true;
}

static void span_skip_space(struct km_span *span)
{
	while (span->len && is_space(*span->at))
		span_skip(span, 1);
}

bool km_span_is(struct km_span span, const char *word)
{
	return strlen(word) == span.len && memcmp(span.at, word, span.len) == 0;
}

bool km_span_next_line(struct km_span *text, struct km_span *ret)
{
	const char *newline;

	if (!text->len)
		return false;
	newline = memchr(text->at, '\n', text->len);
	*ret = (struct km_span){ text->at, newline ? (size_t)(newline - text->at) : text->len };
	span_skip(text, ret->len + (newline ? 1 : 0));
	return true;
}

bool km_format_line(struct km_span text, const char *key, struct km_span *ret)
{
	while (km_span_next_line(&text, ret))
		if (span_take(ret, key))
			return true;
	return false;
}

/* A number under 65536 and the semicolon behind it. */
static bool take_number(struct km_span *span, uint32_t *ret)
{
	size_t digits = 0;

	*ret = 0;
	while (digits < span->len && is_digit(span->at[digits])) {
		*ret = *ret * 10 + (uint32_t)(span->at[digits++] - '0');
		if (*ret > UINT16_MAX)
			return false;
	}
	span_skip(span, digits);
	return digits && span_take(span, ";");
}

/* The name in a declaration: "unsigned long caller[8]", "__data_loc char[] name". */
static struct km_span declared_name(struct km_span declaration)
{
	const char *text = declaration.at;
	size_t end = declaration.len, start;

	if (end && text[end - 1] == ']')
		while (end && text[--end] != '[')
			;
	while (end && is_space(text[end - 1]))
		end--;
	for (start = end; start && is_name(text[start - 1]); start--)
		;
	return (struct km_span){ text + start, end - start };
}

bool km_format_field_line(struct km_span line, struct km_format_field *ret, bool *ret_is_good)
{
	const char *semicolon;

	*ret_is_good = false;
	if (!span_take(&line, "\tfield:") && !span_take(&line, "\tfield special:"))
		return false;
	semicolon = memchr(line.at, ';', line.len);
	if (!semicolon)
		return true;
	ret->name = declared_name((struct km_span){ line.at, (size_t)(semicolon - line.at) });
	ret->is_array = semicolon > line.at && semicolon[-1] == ']';
	span_skip(&line, (size_t)(semicolon - line.at) + 1);
	span_skip_space(&line);
	if (!ret->name.len || !span_take(&line, "offset:") || !take_number(&line, &ret->offset))
		return true;
	span_skip_space(&line);
	if (!span_take(&line, "size:") || !take_number(&line, &ret->size))
		return true;
	/* kernels before 2.6.31 do not tell */
	span_skip_space(&line);
	if (span_take(&line, "signed:"))
		*ret_is_good = span_take(&line, "0;") || span_take(&line, "1;");
	else
		*ret_is_good = true;
	*ret_is_good &= line.len == 0;
	return true;
}

/* A string of C: what is between the quotes, as it stands. */
static bool take_string(struct km_span *span, struct km_span *ret)
{
	if (!span_take(span, "\""))
		return false;
	for (size_t i = 0; i < span->len; i++) {
		if (span->at[i] == '\\')
			i++;
		else if (span->at[i] == '"') {
			*ret = (struct km_span){ span->at, i };
			span_skip(span, i + 1);
			return true;
		}
	}
	return false;
}

/* The operators of two operands, and how tightly they bind. */
static const struct operation {
	const char *sign;
	int binds;
} operations[] = {
	{ "<<", 4 }, { ">>", 4 }, { "|", 1 }, { "^", 2 }, { "&", 3 },
	{ "+", 5 },  { "-", 5 },  { "*", 6 }, { "/", 6 }, { "%", 6 },
};

static bool operate(const char *sign, uint64_t a, uint64_t b, uint64_t *ret)
{
	switch (sign[0]) {
	case '<':
	case '>':
		if (b > 63)
			return false;
		*ret = sign[0] == '<' ? a << b : a >> b;
		return true;
	case '|':
		*ret = a | b;
		return true;
	case '^':
		*ret = a ^ b;
		return true;
	case '&':
		*ret = a & b;
		return true;
	case '+':
		*ret = a + b;
		return true;
	case '-':
		*ret = a - b;
		return true;
	case '*':
		*ret = a * b;
		return true;
	default:
		if (!b)
			return false;
		*ret = sign[0] == '/' ? a / b : a % b;
		return true;
	}
}

static bool take_expression(struct km_span *span, int least, int depth, uint64_t *ret);

static bool take_literal(struct km_span *span, uint64_t *ret)
{
	const uint64_t base = span_take(span, "0x") || span_take(span, "0X") ? 16
			      : span->len && *span->at == '0'                ? 8
									     : 10;
	size_t digits = 0;

	*ret = 0;
	for (; digits < span->len; digits++) {
		char c = span->at[digits];
		uint64_t digit = is_digit(c)            ? (uint64_t)(c - '0')
				 : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a' + 10)
				 : c >= 'A' && c <= 'F' ? (uint64_t)(c - 'A' + 10)
							: base;

		if (digit >= base)
			break;
		if (*ret > (UINT64_MAX - digit) / base)
			return false;
		*ret = *ret * base + digit;
	}
	span_skip(span, digits);
	while (span->len && strchr("uUlL", *span->at))
		span_skip(span, 1);
	return digits && (!span->len || !is_name(*span->at));
}

/* "( unsigned long)": takes it off and tells how many bits are left. */
static bool take_cast(struct km_span *span, unsigned int *ret_bits)
{
	struct km_span rest = *span;
	bool is_long = false;
	size_t nr_words = 0;

	if (!span_take(&rest, "("))
		return false;
	for (;;) {
		struct km_span word;
		size_t len = 0;

		span_skip_space(&rest);
		while (len < rest.len && is_name(rest.at[len]))
			len++;
		if (!len || is_digit(*rest.at))
			break;
		word = (struct km_span){ rest.at, len };
		is_long |= km_span_is(word, "long") || km_span_is(word, "u64") ||
			   km_span_is(word, "__u64");
		nr_words++;
		span_skip(&rest, len);
	}
	if (!nr_words || !span_take(&rest, ")"))
		return false;
	*ret_bits = is_long ? 64 : 32;
	*span = rest;
	return true;
}

static bool take_operand(struct km_span *span, int depth, uint64_t *ret)
{
	unsigned int bits;

	if (depth > MOST_DEPTH)
		return false;
	span_skip_space(span);
	if (take_cast(span, &bits)) {
		if (!take_operand(span, depth + 1, ret))
			return false;
		/* gfp_t is an unsigned int */
		*ret = bits == 32 ? (uint32_t)*ret : *ret;
		return true;
	}
	if (span_take(span, "(")) {
		if (!take_expression(span, 0, depth + 1, ret))
			return false;
		span_skip_space(span);
		return span_take(span, ")");
	}
	if (span_take(span, "~")) {
		bool is_good = take_operand(span, depth + 1, ret);

		*ret = ~*ret;
		return is_good;
	}
	return take_literal(span, ret);
}

/* Operands and the operators between them that bind more tightly than `least`. */
static bool take_expression(struct km_span *span, int least, int depth, uint64_t *ret)
{
	*ret = 0;
	if (!take_operand(span, depth, ret))
		return false;
	for (;;) {
		const struct operation *found = NULL;
		uint64_t right;

		span_skip_space(span);
		for (size_t i = 0; !found && i < sizeof(operations) / sizeof(operations[0]); i++)
			if (operations[i].binds > least && span_take(span, operations[i].sign))
				found = &operations[i];
		if (!found)
			return true;
		if (!take_expression(span, found->binds, depth + 1, &right) ||
		    !operate(found->sign, *ret, right, ret))
			return false;
	}
}

/* Moves to what is behind `word` in the code: not within a string. */
static bool skip_behind(struct km_span *span, const char *word)
{
	struct km_span string;

	while (span->len) {
		if (*span->at == '"') {
			if (!take_string(span, &string))
				return false;
		} else if (span_take(span, word)) {
			return true;
		} else {
			span_skip(span, 1);
		}
	}
	return false;
}

bool km_flag_scan_start(struct km_flag_scan *scan, struct km_span print_fmt)
{
	*scan = (struct km_flag_scan){ .rest = print_fmt };
	/* what the flags are of, the separator, then the list */
	return skip_behind(&scan->rest, "__print_flags(");
}

bool km_flag_scan_next(struct km_flag_scan *scan, struct km_flag_text *ret)
{
	struct km_span string;

	while (scan->rest.len) {
		const char c = *scan->rest.at;

		if (c == '"') {
			if (!take_string(&scan->rest, &string))
				break;
			continue;
		}
		/* brackets of the list's elements do not come by here */
		if (c == '(')
			scan->depth++;
		if (c == ')' && scan->depth-- == 0)
			break;
		if (!span_take(&scan->rest, "{")) {
			span_skip(&scan->rest, 1);
			continue;
		}
		if (!take_expression(&scan->rest, 0, 0, &ret->mask)) {
			if (!skip_behind(&scan->rest, "}"))
				break;
			continue;
		}
		if (!span_take(&scan->rest, ","))
			continue;
		span_skip_space(&scan->rest);
		if (!take_string(&scan->rest, &ret->name))
			continue;
		span_skip_space(&scan->rest);
		if (span_take(&scan->rest, "}"))
			return true;
	}
	scan->rest.len = 0;
	return false;
}
