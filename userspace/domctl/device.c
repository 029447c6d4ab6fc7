// SPDX-License-Identifier: GPL-2.0-only
/* device.c: opening /dev/domus. */
#include <errno.h>
#include <fcntl.h>
#include <linux/domus.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device.h"

int device_open(struct error *error)
{
	int fd = open(DEVICE_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int abi;

	if (fd < 0 && errno == EACCES)
		return error_set(error, EXIT_REFUSED, DEVICE_PATH,
				 "no permission: it takes root or a member of group domus");
	if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return error_set(error, EXIT_REFUSED, "module",
				 "domus is not loaded (modprobe domus)");
	if (fd < 0)
		return error_set(error, EXIT_REFUSED, DEVICE_PATH, "%s", strerror(errno));
	abi = ioctl(fd, DOMUS_IOC_VERSION);
	if (abi == DOMUS_HOST_ABI)
		return fd;
	if (abi < 0)
		error_set(error, EXIT_REFUSED, DEVICE_PATH, "is not a device of domus");
	else
		error_set(error, EXIT_REFUSED, "module", "is of host ABI %d, domctl of %d: "
			  "update the older one", abi, DOMUS_HOST_ABI);
	close(fd);
	return -1;
}
