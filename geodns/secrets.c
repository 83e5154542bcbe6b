/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

#define FILE_MAX 4096

/* Returns the number of octets, all of the file but for the last one of the buffer, or -errno. */
static int file_read(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t len;
	int err;

	if (!f)
		return -errno;
	len = fread(buf, 1, size - 1, f);
	err = ferror(f) ? -EIO : 0;
	fclose(f);
	buf[len] = '\0';
	return err ? err : (int)len;
}

bool secrets_load(struct dns_cookie_secrets *out, const char *folder, const char *file,
		  struct conf_error *err)
{
	char *path = file[0] == '/' ? xstrdup(file) : xasprintf("%s/%s", folder, file);
	char text[FILE_MAX];
	unsigned line = 0;
	int len = file_read(path, text, sizeof(text));

	free(path);
	if (len >= 0 && strlen(text) == (size_t)len && len < FILE_MAX - 1 &&
	    dns_cookie_secrets_parse(out, text, &line)) {
		explicit_bzero(text, sizeof(text));
		return true;
	}
	explicit_bzero(text, sizeof(text));
	err->set = true;
	snprintf(err->path, sizeof(err->path), "cookies.secrets_file");
	if (len < 0)
		snprintf(err->reason, sizeof(err->reason), "cannot read: %s", strerror(-len));
	else if (line > 0)
		snprintf(err->reason, sizeof(err->reason), "line %u: not 32 hexadecimal digits",
			 line);
	else
		snprintf(err->reason, sizeof(err->reason), "must hold one or two secrets");
	return false;
}
