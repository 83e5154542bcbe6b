/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/lab_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"

#define ATTEMPTS 100 /* each lost to a lab that ended just then */

static char *path_in(const char *name, const char *file)
{
	return xasprintf(LAB_ROOT "/%s%s%s", name, *file ? "/" : "", file);
}

/* The lock is that of the file which is there now, not of one that was removed meanwhile. */
static bool is_there(int lock, const char *path)
{
	struct stat held, found;

	return fstat(lock, &held) == 0 && stat(path, &found) == 0 && held.st_ino == found.st_ino &&
	       held.st_dev == found.st_dev;
}

/* -ENOENT: it has just been removed by somebody else. */
static int lock_take(const char *path, int flags)
{
	int lock = open(path, O_RDWR | O_CLOEXEC | flags, 0644), err;

	if (lock < 0)
		return -errno;
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	else
		err = is_there(lock, path) ? 0 : -ENOENT;
	if (err < 0)
		close(lock);
	return err < 0 ? err : lock;
}

static int directory_make(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int lab_dir_take(const char *name)
{
	char *dir = path_in(name, ""), *path = path_in(name, "lock");
	int lock = -ENOENT;

	for (unsigned i = 0; lock == -ENOENT && i < ATTEMPTS; i++) {
		lock = directory_make(LAB_ROOT);
		if (lock == 0)
			lock = directory_make(dir);
		if (lock == 0)
			lock = lock_take(path, O_CREAT);
	}
	free(path);
	free(dir);
	return lock;
}

void lab_dir_release(const char *name, int lock)
{
	static const char *const files[] = { "control", "docker-compose.yml", "lock" };
	char *dir = path_in(name, "");

	/* The lock last: who finds none makes one, and then the directory is not empty. */
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = path_in(name, files[i]);

		unlink(path);
		free(path);
	}
	rmdir(dir);
	rmdir(LAB_ROOT);
	close(lock);
	free(dir);
}

bool lab_dir_is_taken(const char *name)
{
	char *path = path_in(name, "lock");
	int lock = lock_take(path, 0);

	if (lock >= 0)
		close(lock);
	free(path);
	return lock == -EBUSY;
}

bool lab_dir_clean(const char *name)
{
	char *dir = path_in(name, "");
	int lock = access(dir, F_OK) == 0 ? lab_dir_take(name) : -ENOENT;

	if (lock >= 0)
		lab_dir_release(name, lock);
	free(dir);
	return lock >= 0;
}
