/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/tls/session.h"

#include <errno.h>
#include <unistd.h>

#include "lib/alloc.h"

/* Warnings are not the end, but a client that goes on and on with them is none. */
#define WARNINGS_MAX 8

struct tls_session {
	struct transport transport;
	struct tls_credentials *credentials;
	gnutls_session_t session;
	int fd;
	bool open;
	bool wants_write;
	bool stalled; /* a record that could not be sent waits in the session */
	unsigned warnings;
};

static struct tls_session *session_of(struct transport *t)
{
	return (struct tls_session *)t;
}

/* What GnuTLS has said, as a transport says it. */
static int result_of(struct tls_session *s, ssize_t code)
{
	s->wants_write = false;
	if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED) {
		s->wants_write = gnutls_record_get_direction(s->session) == 1;
		return -EAGAIN;
	}
	/* Renegotiation is not fatal to GnuTLS; nobody needs it. */
	if (gnutls_error_is_fatal((int)code) || code == GNUTLS_E_REHANDSHAKE ||
	    s->warnings++ >= WARNINGS_MAX)
		return -EPROTO;
	return -EAGAIN;
}

static int handshake(struct tls_session *s)
{
	int code, err;

	do {
		code = gnutls_handshake(s->session);
		if (code == GNUTLS_E_SUCCESS) {
			s->wants_write = false;
			s->open = true;
			return 0;
		}
		err = result_of(s, code);
	} while (err == -EAGAIN && code != GNUTLS_E_AGAIN);
	/* Tell the client why, if there is room for it. */
	if (err == -EPROTO)
		gnutls_alert_send_appropriate(s->session, code);
	return err;
}

static ssize_t session_receive(struct transport *t, void *buf, size_t size)
{
	struct tls_session *s = session_of(t);
	int err = s->open ? 0 : handshake(s);
	ssize_t n;

	if (err)
		return err;
	n = gnutls_record_recv(s->session, buf, size);
	/* Half-closed without good-bye: what has come is whole or not by its own length. */
	if (n == GNUTLS_E_PREMATURE_TERMINATION)
		n = 0;
	if (n < 0)
		return result_of(s, n);
	s->wants_write = false;
	return n;
}

static ssize_t session_send(struct transport *t, const void *bytes, size_t len)
{
	struct tls_session *s = session_of(t);
	ssize_t n;

	/* What has stalled is encrypted already: send that, and learn how much it was. */
	n = gnutls_record_send(s->session, s->stalled ? NULL : bytes, s->stalled ? 0 : len);
	s->stalled = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
	if (n < 0)
		return result_of(s, n);
	s->wants_write = false;
	return n;
}

static int session_end(struct transport *t)
{
	struct tls_session *s = session_of(t);

	if (!s->open)
		return 0;
	s->wants_write = gnutls_bye(s->session, GNUTLS_SHUT_WR) == GNUTLS_E_AGAIN;
	return s->wants_write ? -EAGAIN : 0;
}

static enum transport_state session_state(const struct transport *t)
{
	const struct tls_session *s = (const struct tls_session *)t;

	if (!s->open)
		return TRANSPORT_OPENING;
	return gnutls_session_is_resumed(s->session) ? TRANSPORT_RESUMED : TRANSPORT_OPEN;
}

static bool session_wants_write(const struct transport *t)
{
	return ((const struct tls_session *)t)->wants_write;
}

static bool session_has_pending(const struct transport *t)
{
	const struct tls_session *s = (const struct tls_session *)t;

	return s->open && gnutls_record_check_pending(s->session) > 0;
}

static void session_free(struct transport *t)
{
	struct tls_session *s = session_of(t);

	gnutls_deinit(s->session);
	tls_credentials_unref(s->credentials);
	close(s->fd);
	free(s);
}

struct transport *tls_session_new(struct tls_credentials *credentials, int fd)
{
	static const struct transport_ops ops = { .receive = session_receive,
						  .send = session_send,
						  .end = session_end,
						  .state = session_state,
						  .wants_write = session_wants_write,
						  .has_pending = session_has_pending,
						  .free = session_free };
	static const gnutls_datum_t dot = { (unsigned char *)"dot", 3 };
	struct tls_session *s = x_new(struct tls_session);

	s->transport.ops = &ops;
	s->credentials = credentials;
	s->fd = fd;
	gnutls_init(&s->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	gnutls_priority_set(s->session, credentials->priority);
	gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, credentials->certificate);
	gnutls_session_ticket_enable_server(s->session, &credentials->ticket_key);
	gnutls_alpn_set_protocols(s->session, &dot, 1, GNUTLS_ALPN_MANDATORY);
	gnutls_transport_set_int(s->session, fd);
	return &s->transport;
}
