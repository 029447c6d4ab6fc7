/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The linker puts __wrap_NAME where libnl's NAME is called (see Makefile): answers come from
 * the fuzzer, questions go nowhere. Parameters and results are those of NAME.
 */
#ifndef FUZZ_ANSWERS_H
#define FUZZ_ANSWERS_H

#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

int __real_nl_recvmsgs(struct nl_sock *sock, struct nl_cb *cb);
int __wrap_nl_recvmsgs(struct nl_sock *sock, struct nl_cb *cb);
int __wrap_nl_send_auto(struct nl_sock *sock, struct nl_msg *msg);
int __wrap_genl_connect(struct nl_sock *sock);
int __wrap_genl_ctrl_resolve(struct nl_sock *sock, const char *name);

#endif /* FUZZ_ANSWERS_H */
