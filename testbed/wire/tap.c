/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/wire/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int tap_open(const char *name, unsigned flags)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = TAP_HEADER;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD,
		  flags & TAP_OFFLOAD ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0) < 0 ||
	    ioctl(fd, TUNSETPERSIST, (flags & TAP_STAYS) != 0) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}
