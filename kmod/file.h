/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/domus. Files come by domain_of_file() of domain.h. */
#ifndef DOMUS_FILE_H
#define DOMUS_FILE_H

/* The device. Module init (last: opens can come at once) and exit. */
int file_init(void);
void file_exit(void);

#endif /* DOMUS_FILE_H */
