/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/json_plain.h"

#include <stdbool.h>
#include <string.h>

#include "lib/alloc.h"

#define DEPTH_MAX   16
#define MEMBERS_MAX 64 /* each is compared with all before it */
#define NODES_MAX   8192
#define TEXT_MAX    ((size_t)256 * 1024)
#define DIGITS_MAX  18 /* fit into 64 bits, whatever they are */

struct json_plain {
	const char *at, *limit;
	size_t node_count, text_used;
	struct json_node nodes[NODES_MAX];
	char text[TEXT_MAX];
};

struct json_plain *json_plain_new(void)
{
	return xmalloc(sizeof(struct json_plain));
}

void json_plain_free(struct json_plain *plain)
{
	free(plain);
}

/* The next octet that is not white space; '\0', which is nowhere allowed, at the end. */
static char peek(struct json_plain *p)
{
	while (p->at < p->limit &&
	       (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
		p->at++;
	if (p->at == p->limit)
		return '\0';
	return *p->at;
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* NULL: not plain. */
static const char *string_read(struct json_plain *p)
{
	size_t room = sizeof(p->text) - p->text_used, left, len = 0;
	char *out = p->text + p->text_used;

	if (peek(p) != '"')
		return NULL;
	p->at++;
	left = (size_t)(p->limit - p->at);
	if (left > room)
		left = room;
	for (; len < left && is_plain(p->at[len]); len++)
		out[len] = p->at[len];
	if (len == left || p->at[len] != '"')
		return NULL;
	out[len] = '\0';
	p->at += len + 1;
	p->text_used += len + 1;
	return out;
}

static bool literal_read(struct json_plain *p, struct json_node *node, const char *word,
			 json_type type)
{
	size_t len = strlen(word);

	if ((size_t)(p->limit - p->at) < len || memcmp(p->at, word, len) != 0)
		return false;
	p->at += len;
	node->type = type;
	return true;
}

static bool number_read(struct json_plain *p, struct json_node *node)
{
	bool is_negative = *p->at == '-';
	unsigned digits = 0;
	int64_t number = 0;

	p->at += is_negative;
	for (; p->at < p->limit && *p->at >= '0' && *p->at <= '9'; p->at++) {
		if (digits++ == DIGITS_MAX || (digits > 1 && number == 0))
			return false;
		number = 10 * number + (*p->at - '0');
	}
	node->type = JSON_INTEGER;
	node->number = is_negative ? -number : number;
	if (p->at < p->limit && (*p->at == '.' || *p->at == 'e' || *p->at == 'E'))
		return false;
	return digits > 0;
}

static bool scalar_read(struct json_plain *p, struct json_node *node, char first)
{
	if (first == '"') {
		node->type = JSON_STRING;
		node->text = string_read(p);
		return node->text;
	}
	if (first == 't')
		return literal_read(p, node, "true", JSON_TRUE);
	if (first == 'f')
		return literal_read(p, node, "false", JSON_FALSE);
	if (first == 'n')
		return literal_read(p, node, "null", JSON_NULL);
	return (first == '-' || (first >= '0' && first <= '9')) && number_read(p, node);
}

/* The key of the object's next member and its colon. NULL: none, or there already. */
static const char *key_read(struct json_plain *p, const struct json_node *object)
{
	const char *key = object->count < MEMBERS_MAX ? string_read(p) : NULL;

	if (!key || peek(p) != ':' || json_node_member(object, key))
		return NULL;
	p->at++;
	return key;
}

/* The value at the cursor, behind the nodes that are there. */
static bool value_read(struct json_plain *p, const char *key, unsigned depth)
{
	struct json_node *node = &p->nodes[p->node_count];
	const char first = peek(p), last = first == '{' ? '}' : ']';
	char next;

	if (p->node_count == NODES_MAX || depth == DEPTH_MAX)
		return false;
	p->node_count++;
	*node = (struct json_node){ .key = key, .size = 1 };
	if (first != '{' && first != '[')
		return scalar_read(p, node, first);
	node->type = first == '{' ? JSON_OBJECT : JSON_ARRAY;
	p->at++;
	if (peek(p) == last) {
		p->at++;
		return true;
	}
	do {
		const char *member = first == '{' ? key_read(p, node) : NULL;

		if ((first == '{' && !member) || !value_read(p, member, depth + 1))
			return false;
		node->count++;
		node->size = (uint32_t)(&p->nodes[p->node_count] - node);
		next = peek(p);
		p->at++;
	} while (next == ',');
	return next == last;
}

const struct json_node *json_plain_read(struct json_plain *plain, const char *text,
					const char *limit, const char **end)
{
	plain->at = text;
	plain->limit = limit;
	plain->node_count = plain->text_used = 0;
	if (!value_read(plain, NULL, 0))
		return NULL;
	*end = plain->at;
	return &plain->nodes[0];
}

const struct json_node *json_node_member(const struct json_node *object, const char *key)
{
	const struct json_node *n = object + 1;

	if (object->type != JSON_OBJECT)
		return NULL;
	for (uint32_t i = 0; i < object->count; i++, n += n->size) {
		if (n->key[0] == key[0] && strcmp(n->key, key) == 0)
			return n;
	}
	return NULL;
}

const struct json_node *json_node_item(const struct json_node *array, size_t index)
{
	const struct json_node *n = array + 1;

	if (array->type != JSON_ARRAY || index >= array->count)
		return NULL;
	for (size_t i = 0; i < index; i++)
		n += n->size;
	return n;
}
