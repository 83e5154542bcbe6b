/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)

/* mkdir -p of an absolute path. */
static void directories_make(const char *path)
{
	char buf[256];

	snprintf(buf, sizeof(buf), "%s", path);
	for (char *p = buf + 1; *p; p++) {
		if (*p == '/') {
			*p = '\0';
			mkdir(buf, 0755);
			*p = '/';
		}
	}
	mkdir(buf, 0755);
}

/* A private /run that still shows the lab's directory, and a resolv.conf of the node's own. */
static int mounts_make(const char *lab_dir)
{
	char through[64];
	int lab, conf;

	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	lab = open(lab_dir, O_PATH | O_DIRECTORY);
	if (lab < 0 || mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return -errno;
	directories_make(lab_dir);
	snprintf(through, sizeof(through), "/proc/self/fd/%d", lab);
	if (mount(through, lab_dir, NULL, MS_BIND, NULL) < 0)
		return -errno;
	close(lab);
	/* Of the node's network; a system that refuses keeps showing its own, which does no harm.
	 */
	if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		errno = 0;
	/* FRR's daemons make directories there by their process ids, which nodes have in common. */
	if (mount("tmpfs", "/var/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
		errno = 0;
	conf = open("/run/resolv.conf", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (conf >= 0)
		close(conf);
	if (mount("/run/resolv.conf", "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
		errno = 0;
	return 0;
}

static _Noreturn void node_main(const char *node, const char *lab_dir)
{
	char control[256];
	sigset_t none;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid(); /* the terminal's Ctrl-C is for the supervisor alone */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	err = mounts_make(lab_dir);
	if (err < 0) {
		dprintf(STDERR_FILENO, "node %s: cannot mount: %s\n", node, strerror(-err));
		_exit(3);
	}
	if (sethostname(node, strlen(node)) < 0)
		_exit(3);
	snprintf(control, sizeof(control), "%s/control", lab_dir);
	/* Every descriptor of the supervisor is close-on-exec. */
	execl("/proc/self/exe", "catchment-testbed", "node", "--control", control, "--name", node,
	      (char *)NULL);
	_exit(3);
}

pid_t namespaces_node_start(const char *node, const char *lab_dir)
{
	pid_t pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, 0UL);

	if (pid < 0)
		return -errno;
	if (pid == 0)
		node_main(node, lab_dir);
	return pid;
}

int namespaces_exec(pid_t pid, char *const *argv)
{
	static const char *const kinds[] = { "ipc", "uts", "net", "pid", "mnt" };
	int fds[5], status;
	pid_t child;

	for (size_t i = 0; i < 5; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kinds[i]);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < 5; i++) {
		if (setns(fds[i], 0) < 0)
			return -errno;
		close(fds[i]);
	}
	child = fork(); /* which is in the pid namespace, we are not */
	if (child < 0)
		return -errno;
	if (child == 0) {
		if (chdir("/") < 0)
			_exit(127);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	signal(SIGINT, SIG_IGN);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
