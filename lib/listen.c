/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/listen.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket that nobody listens on any more is left from a crash. */
static bool unix_is_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, err;

	if (lstat(sun->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	err = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ? 0 : errno;
	close(fd);
	return err == ECONNREFUSED;
}

/* Bound and listening, or -errno. beside: others of ours, that have said the same. */
static int listen_at(const struct sockaddr *sa, socklen_t len, const char *unix_path, bool beside)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (beside)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (sa->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, sa, len) == 0 && (!unix_path || chmod(unix_path, 0660) == 0) &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

int listen_tcp(const struct endpoint *at)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(at, &ss);

	return listen_at((struct sockaddr *)&ss, len, NULL, false);
}

/* The first one listens alone, as nobody else may; only then it admits the others. */
int listen_tcp_group(const struct endpoint *at, int *fds, unsigned count)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(at, &ss);
	const int on = 1;
	int err = 0;

	for (unsigned i = 0; i < count; i++) {
		fds[i] = listen_at((struct sockaddr *)&ss, len, NULL, i > 0);
		if (fds[i] < 0)
			err = fds[i];
		else if (i == 0 && count > 1 &&
			 setsockopt(fds[0], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
			err = -errno;
		if (err) {
			for (unsigned k = 0; k <= i; k++) {
				if (fds[k] >= 0)
					close(fds[k]);
			}
			return err;
		}
	}
	return 0;
}

int listen_unix(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, len);
	if (unix_is_stale(&sun))
		unlink(path);
	return listen_at((struct sockaddr *)&sun, sizeof(sun), path, false);
}
