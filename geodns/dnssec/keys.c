/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dnssec/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "geodns/dns/rr.h"
#include "lib/alloc.h"

#define FILE_MAX_LEN 16384

/* Into buf. Returns the length, or -errno. */
static ssize_t file_read(const char *path, char buf[FILE_MAX_LEN])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buf + len, FILE_MAX_LEN - len);
		if (n < 0)
			n = -errno;
		else
			len += (size_t)n;
	} while (n > 0 || n == -EINTR);
	close(fd);
	if (n < 0)
		return n;
	return len < FILE_MAX_LEN ? (ssize_t)len : -EFBIG;
}

static bool key_load(struct dnssec_key *key, const char *file, const char *folder,
		     enum dnssec_flags flags, struct dnssec_keys_error *err)
{
	char *path = file[0] == '/' ? xstrdup(file) : xasprintf("%s/%s", folder, file);
	char *text = xmalloc(FILE_MAX_LEN);
	ssize_t len = file_read(path, text);
	const char *wrong;

	if (len < 0)
		wrong = strerror((int)-len);
	else
		wrong = dnssec_key_parse(key, text, (size_t)len, flags);
	if (wrong)
		snprintf(err->text, sizeof(err->text), "%.120s: %.120s", file, wrong);
	explicit_bzero(text, FILE_MAX_LEN);
	free(text);
	free(path);
	return !wrong;
}

struct dnssec_keys *dnssec_keys_load(const struct dnssec_options *options, const char *folder,
				     struct dnssec_keys_error *err)
{
	struct dnssec_keys *keys = x_new(struct dnssec_keys);
	bool good;

	keys->validity_s = options->validity_s;
	keys->ttl = options->ttl;
	err->key = options->zsk ? "dnssec.ksk" : "dnssec.csk";
	good = key_load(&keys->key[0], options->ksk, folder, DNSSEC_FLAGS_SEP, err);
	keys->count = good;
	if (good && options->zsk) {
		err->key = "dnssec.zsk";
		good = key_load(&keys->key[1], options->zsk, folder, DNSSEC_FLAGS_ZONE, err);
		keys->count += good;
	}
	/* A resolver that has two keys of one tag tries both, but many refuse to. */
	if (good && keys->count == 2 && keys->key[0].tag == keys->key[1].tag) {
		snprintf(err->text, sizeof(err->text), "has the key tag %u, as the ksk has",
			 keys->key[0].tag);
		good = false;
	}
	if (good)
		return keys;
	dnssec_keys_free(keys);
	return NULL;
}

void dnssec_keys_free(struct dnssec_keys *keys)
{
	if (!keys)
		return;
	for (unsigned i = 0; i < keys->count; i++)
		dnssec_key_fini(&keys->key[i]);
	free(keys);
}

const struct dnssec_key *dnssec_keys_find(const struct dnssec_keys *keys, uint16_t type)
{
	bool is_of_keys =
		type == DNS_TYPE_DNSKEY || type == DNS_TYPE_CDS || type == DNS_TYPE_CDNSKEY;

	return &keys->key[is_of_keys ? 0 : keys->count - 1];
}

const char *dnssec_keys_ds_format(const struct dnssec_keys *keys, const uint8_t *zone,
				  char buf[DNSSEC_DS_TEXT_SIZE])
{
	uint8_t ds[DNSSEC_DS_SIZE];
	int at = snprintf(buf, DNSSEC_DS_TEXT_SIZE, "%u %d %d ", keys->key[0].tag, DNSSEC_ALGORITHM,
			  DNSSEC_DIGEST);

	dnssec_key_ds(&keys->key[0], zone, ds);
	for (size_t i = 4; i < sizeof(ds); i++)
		at += snprintf(buf + at, DNSSEC_DS_TEXT_SIZE - (size_t)at, "%02X", ds[i]);
	return buf;
}
