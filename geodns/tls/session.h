/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.h - a server's side of TLS as a transport of connections (RFC 7858, 8310), by GnuTLS.
 *
 * The handshake is part of receiving. Clients may come back with a session ticket; early data
 * (0-RTT) is not taken, and nothing is negotiated anew. A client that names protocols (ALPN) must
 * name "dot".
 */
#ifndef GEODNS_TLS_SESSION_H
#define GEODNS_TLS_SESSION_H

#include "geodns/server/transport.h"
#include "geodns/tls/credentials.h"

/* Takes fd, a connected socket that does not block, and a reference to the credentials over. */
struct transport *tls_session_new(struct tls_credentials *credentials, int fd);

#endif
