/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/domus. Files come by domain_of_file() of domain.h. */
#ifndef DOMUS_FILE_H
#define DOMUS_FILE_H

#include <linux/types.h>

struct domus_console;

/* The device. Module init (last: opens can come at once) and exit. */
int file_init(void);
void file_exit(void);

/* The holder's ends of the console (console.c). Any context but NMI. Return: bytes moved. */
size_t console_take_output(struct domus_console *c, char *to, size_t len);
size_t console_give_input(struct domus_console *c, const char *from, size_t len);
bool console_has_output(const struct domus_console *c);
bool console_has_room(const struct domus_console *c);

#endif /* DOMUS_FILE_H */
