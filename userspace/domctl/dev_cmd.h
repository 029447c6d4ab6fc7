/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What commands about devices share.
 *
 * The module knows domains by id, and the id is asked for once: a name may be
 * another's a moment later.
 */
#ifndef DOMCTL_DEV_CMD_H
#define DOMCTL_DEV_CMD_H

#include "domctl.h"
#include "nl_dev.h"

#define DEV_WORDS_MAX 3

/**
 * struct dev_words - the words of a command line
 * @names: what they are, for errors; the first @needed must be there
 */
struct dev_words {
	const char *names[DEV_WORDS_MAX];
	unsigned int needed;
	unsigned int nr;
	const char *words[DEV_WORDS_MAX];
};

/* Reads a command line, options by @option(). Return: 0, or -1 (error, or help). */
int dev_parse(struct ctx *ctx, const struct command *self, int argc, char **argv,
	      struct dev_words *w, void *arg,
	      int (*option)(void *arg, int id, const char *value, struct error *error));

/* An @option() for commands that have none. */
int dev_no_option(void *arg, int id, const char *value, struct error *error);

/* Connects, and finds the domain. Return: 0, or -1 with nothing to close. */
int dev_open_domain(struct ctx *ctx, const char *name, struct control **control,
		    struct control_domain *domain, struct control_ref *ref);

/* In JSON a command that has worked says of what. */
void dev_report(struct ctx *ctx, const char *domain, const char *name);

/* struct dev_names - the devices whose names a domain's next one cannot have */
struct dev_names {
	struct control_dev *devs;
	size_t nr;
};

/* Asks for them. Return: 0, with @names to be freed, or -1 with nothing to free. */
int dev_names_get(struct control *control, const struct control_ref *ref,
		  struct dev_names *names, struct error *error);
void dev_names_free(struct dev_names *names);

/* Is @name one of the struct dev_names that @names is? */
bool dev_names_has(void *names, const char *name);

/* What a device of DOMUS_DEV_KIND_* is called: "disk", "net". */
const char *dev_kind_name(uint32_t kind);

/* Is it a name of a device? Return: 0, or -1 with EXIT_USAGE. */
int dev_name_check(const char *name, uint32_t kind, struct error *error);

/* Refuse a device of another kind; one that is not there passes. Return: 0 or -1. */
int dev_check_kind(struct control *control, const struct control_ref *ref, const char *name,
		   uint32_t kind, struct error *error);

/* The detach command of a kind, with its options. */
extern const struct opt dev_detach_opts[];
int dev_detach(struct ctx *ctx, const struct command *self, int argc, char **argv,
	       uint32_t kind);

/* The list command of a kind: @show picks its own out of all devices. */
int dev_list(struct ctx *ctx, const struct command *self, int argc, char **argv,
	     void (*show)(struct print *p, const struct control_dev *devs, size_t nr));

#endif /* DOMCTL_DEV_CMD_H */
