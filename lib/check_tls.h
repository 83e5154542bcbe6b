/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_tls.h - TLS for checks: GnuTLS over a socket that does not block.
 *
 * The server's certificate must lead to a trusted authority, be valid now, and be for the name
 * asked for; that is part of the handshake. Authorities are those of a file, or of the
 * system: read once and shared by all checks that trust the same (struct check_trusts, of one
 * loop). A file that has been replaced is read again at the next check.
 */
#ifndef LIB_CHECK_TLS_H
#define LIB_CHECK_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct check_trusts;
struct check_trust;
struct check_tls;

struct check_trusts *check_trusts_new(void);
/* Nobody may hold a trust any more. */
void check_trusts_free(struct check_trusts *trusts);
/*
 * *trust (NULL at first) becomes, or stays, what ca_file holds now; NULL: the system's authorities.
 * False, and why in reason, if it cannot be read: *trust is NULL then.
 */
bool check_trust_renew(struct check_trusts *trusts, struct check_trust **trust, const char *ca_file,
		       char *reason, size_t size);
void check_trust_drop(struct check_trusts *trusts, struct check_trust *trust);

/* fd, connected, stays the caller's. name: in the certificate, a host name or an address. */
struct check_tls *check_tls_new(const struct check_trust *trust, int fd, const char *name);
/* Says nothing to the peer. */
void check_tls_free(struct check_tls *tls);
/* 0: done. -EAGAIN: to be called again (check_tls_wants_write()). Otherwise reason says why not. */
int check_tls_handshake(struct check_tls *tls, char *reason, size_t size);
/* After -EAGAIN: is it writing that it waits for? */
bool check_tls_wants_write(const struct check_tls *tls);
/* As send() and recv(), but -EAGAIN, or -EPROTO with why in reason. */
ssize_t check_tls_send(struct check_tls *tls, const void *data, size_t len, char *reason,
		       size_t size);
ssize_t check_tls_recv(struct check_tls *tls, void *data, size_t len, char *reason, size_t size);

#endif
