/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/events_csv.h"

#include <inttypes.h>
#include <string.h>

#include "lib/alloc.h"

enum { T_NS, TRIAL, SOURCE, KIND, VARIANT, USER, POP, RESULT, LATENCY_US, DETAIL, COLUMNS };

struct field {
	const char *text;
	size_t len;
};

struct csv {
	const char *pos, *end;
	size_t line;
	/* Quoted fields with doubled quotes are unfolded here, one buffer per column. */
	char *unfolded[COLUMNS];
	const char *problem;
	/* What each column held last and its id: most rows repeat their predecessor's names. */
	struct field last[COLUMNS];
	uint32_t last_id[COLUMNS];
};

/* pos is behind the opening quote. */
static void read_quoted(struct csv *csv, unsigned column, struct field *out)
{
	const char *start = csv->pos;
	size_t doubled = 0;

	for (; csv->pos < csv->end; csv->pos++) {
		if (*csv->pos == '\n')
			csv->line++;
		if (*csv->pos != '"')
			continue;
		if (csv->pos + 1 == csv->end || csv->pos[1] != '"')
			break;
		doubled++;
		csv->pos++;
	}
	if (csv->pos >= csv->end) {
		csv->problem = "quoted field without end";
		csv->pos = csv->end;
		return;
	}
	*out = (struct field){ start, (size_t)(csv->pos++ - start) };
	if (doubled) {
		char *to = csv->unfolded[column] = xrealloc(csv->unfolded[column], out->len);

		for (size_t i = 0; i < out->len; i++) {
			*to++ = start[i];
			if (start[i] == '"')
				i++;
		}
		*out = (struct field){ csv->unfolded[column], out->len - doubled };
	}
}

static void read_field(struct csv *csv, unsigned column, struct field *out)
{
	const char *start = csv->pos;

	if (csv->pos < csv->end && *csv->pos == '"') {
		csv->pos++;
		read_quoted(csv, column, out);
		return;
	}
	while (csv->pos < csv->end && *csv->pos != ',' && *csv->pos != '\n' && *csv->pos != '"')
		csv->pos++;
	if (csv->pos < csv->end && *csv->pos == '"')
		csv->problem = "quote inside a field that does not start with one";
	*out = (struct field){ start, (size_t)(csv->pos - start) };
	if (out->len > 0 && csv->pos < csv->end && *csv->pos == '\n' && csv->pos[-1] == '\r')
		out->len--;
}

/* Read one line's fields. False at the end of the text, and at a line without end. */
static bool read_line(struct csv *csv, struct field fields[COLUMNS])
{
	unsigned column = 0;

	while (!csv->problem) {
		if (column == COLUMNS) {
			csv->problem = "more than ten columns";
			return false;
		}
		read_field(csv, column, &fields[column]);
		column++;
		if (csv->problem || csv->pos >= csv->end)
			return false;
		if (*csv->pos == '\r' && csv->pos + 1 < csv->end && csv->pos[1] == '\n')
			csv->pos++;
		if (*csv->pos == '\n')
			break;
		if (*csv->pos++ != ',')
			csv->problem = "text behind a closing quote";
	}
	if (csv->problem)
		return false;
	csv->pos++;
	csv->line++;
	if (column != COLUMNS)
		csv->problem = "fewer than ten columns";
	return !csv->problem;
}

static int64_t read_number(struct csv *csv, const struct field *f, int64_t max, bool optional)
{
	int64_t value = 0;

	if (f->len == 0 && optional)
		return EVENT_NO_NUMBER;
	if (f->len == 0 || f->len > 18) {
		csv->problem = "expected a number";
		return 0;
	}
	for (size_t i = 0; i < f->len; i++) {
		if (f->text[i] < '0' || f->text[i] > '9') {
			csv->problem = "expected a number";
			return 0;
		}
		value = value * 10 + (f->text[i] - '0');
	}
	if (value > max)
		csv->problem = "number out of range";
	return value;
}

static uint32_t read_name(struct csv *csv, struct name_table *names, const struct field *fields,
			  unsigned column)
{
	const struct field *f = &fields[column];
	struct field *last = &csv->last[column];

	if (last->len == f->len && (f->len == 0 || memcmp(last->text, f->text, f->len) == 0))
		return csv->last_id[column];
	if (memchr(f->text, '\0', f->len)) {
		csv->problem = "zero byte in a field";
		return NAME_NONE;
	}
	csv->last_id[column] = name_table_add(names, f->text, f->len);
	*last = (struct field){ name_table_text(names, csv->last_id[column]), f->len };
	return csv->last_id[column];
}

static struct event read_event(struct csv *csv, struct name_table *names, const struct field *f)
{
	return (struct event){
		.t_ns = read_number(csv, &f[T_NS], INT64_MAX, false),
		.trial = (int32_t)read_number(csv, &f[TRIAL], INT32_MAX, true),
		.user = (int32_t)read_number(csv, &f[USER], INT32_MAX, true),
		.latency_us = read_number(csv, &f[LATENCY_US], INT64_C(1000000000000), true),
		.source = read_name(csv, names, f, SOURCE),
		.kind = read_name(csv, names, f, KIND),
		.variant = read_name(csv, names, f, VARIANT),
		.pop = read_name(csv, names, f, POP),
		.result = read_name(csv, names, f, RESULT),
		.detail = read_name(csv, names, f, DETAIL),
	};
}

static void read_events(struct csv *csv, struct event_record *record)
{
	struct field fields[COLUMNS] = { 0 };
	size_t room = 0;

	while (csv->pos < csv->end && read_line(csv, fields)) {
		if (record->count == room) {
			room = room ? room * 2 : 1024;
			record->events =
				xreallocarray(record->events, room, sizeof(*record->events));
		}
		csv->line--; /* a mistake in a value belongs to the line just read */
		record->events[record->count++] = read_event(csv, record->names, fields);
		if (csv->problem)
			return;
		csv->line++;
	}
	/* Whatever is wrong with a line that a killed writer did not finish is no mistake. */
	if (csv->pos >= csv->end && csv->end[-1] != '\n') {
		record->truncated = true;
		csv->problem = NULL;
	}
}

int events_csv_decode(struct event_record *out, const char *text, size_t len,
		      struct events_csv_error *err)
{
	static const size_t header_len = sizeof(EVENTS_CSV_HEADER) - 1;
	struct event_record record = { .names = name_table_new() };
	struct csv csv = { .pos = text, .end = text + len, .line = 1 };

	if (len <= header_len || memcmp(text, EVENTS_CSV_HEADER, header_len) != 0) {
		csv.problem = "expected the header " EVENTS_CSV_HEADER;
	} else {
		csv.pos += header_len;
		csv.pos += *csv.pos == '\r' && csv.pos + 1 < csv.end;
		if (*csv.pos++ != '\n')
			csv.problem = "expected the header " EVENTS_CSV_HEADER;
		else
			csv.line++;
	}
	if (!csv.problem)
		read_events(&csv, &record);
	for (unsigned i = 0; i < COLUMNS; i++)
		free(csv.unfolded[i]);
	if (csv.problem) {
		*err = (struct events_csv_error){ csv.line, csv.problem };
		event_record_fini(&record);
		return -1;
	}
	*out = record;
	return 0;
}

void event_record_fini(struct event_record *record)
{
	name_table_free(record->names);
	free(record->events);
	*record = (struct event_record){ 0 };
}

static void write_name(const struct event_record *record, uint32_t id, char end, FILE *out)
{
	const char *text = name_table_text(record->names, id);

	if (!strpbrk(text, ",\"\r\n")) {
		fprintf(out, "%s%c", text, end);
		return;
	}
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	fprintf(out, "\"%c", end);
}

static void write_number(int64_t value, FILE *out)
{
	if (value != EVENT_NO_NUMBER)
		fprintf(out, "%" PRId64, value);
	putc(',', out);
}

void events_csv_encode(const struct event_record *record, FILE *out)
{
	fputs(EVENTS_CSV_HEADER "\n", out);
	for (size_t i = 0; i < record->count; i++) {
		const struct event *ev = &record->events[i];

		write_number(ev->t_ns, out);
		write_number(ev->trial, out);
		write_name(record, ev->source, ',', out);
		write_name(record, ev->kind, ',', out);
		write_name(record, ev->variant, ',', out);
		write_number(ev->user, out);
		write_name(record, ev->pop, ',', out);
		write_name(record, ev->result, ',', out);
		write_number(ev->latency_us, out);
		write_name(record, ev->detail, '\n', out);
	}
}
