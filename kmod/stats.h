/* SPDX-License-Identifier: GPL-2.0-only */
/* debugfs: domus/domains */
#ifndef DOMUS_STATS_H
#define DOMUS_STATS_H

/* Module init and exit. A host without debugfs does without it. */
void stats_init(void);
void stats_exit(void);

#endif /* DOMUS_STATS_H */
