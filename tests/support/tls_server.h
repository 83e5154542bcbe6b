/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tls_server.h - for tests: an authority, certificates, and a server that shows one of them.
 *
 * Everything is made in memory, in the test's own process. The server is a thread that takes one
 * connection after the other on loopback, answers each with the same bytes and closes it.
 */
#ifndef TESTS_SUPPORT_TLS_SERVER_H
#define TESTS_SUPPORT_TLS_SERVER_H

#include <criterion/criterion.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/listen.h"

struct tls_authority {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
};

struct tls_server {
	struct endpoint at;
	const char *answer;
	gnutls_certificate_credentials_t credentials; /* NULL: it speaks no TLS */
	int fd;
	pthread_t thread;
	atomic_int served;
};

#define TLS_DAY 86400

static inline gnutls_x509_privkey_t tls_key_new(void)
{
	gnutls_x509_privkey_t key;

	cr_assert_eq(gnutls_x509_privkey_init(&key), 0);
	cr_assert_eq(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
						  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
						  0),
		     0);
	return key;
}

/* Valid from so many days ago to in so many days. Not signed yet. */
static inline gnutls_x509_crt_t tls_crt_new(gnutls_x509_privkey_t key, const char *name, int from,
					    int to)
{
	static uint8_t serial;
	gnutls_x509_crt_t crt;

	cr_assert_eq(gnutls_x509_crt_init(&crt), 0);
	serial++;
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, &serial, 1);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
				      (unsigned)strlen(name));
	gnutls_x509_crt_set_activation_time(crt, time(NULL) + from * TLS_DAY);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + to * TLS_DAY);
	gnutls_x509_crt_set_key(crt, key);
	return crt;
}

static inline struct tls_authority tls_authority_new(const char *name)
{
	struct tls_authority ca = { .key = tls_key_new() };

	ca.crt = tls_crt_new(ca.key, name, -2, 2);
	gnutls_x509_crt_set_basic_constraints(ca.crt, 1, -1);
	gnutls_x509_crt_set_key_usage(ca.crt, GNUTLS_KEY_KEY_CERT_SIGN);
	cr_assert_eq(gnutls_x509_crt_sign2(ca.crt, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0), 0);
	return ca;
}

static inline void tls_authority_free(struct tls_authority *ca)
{
	gnutls_x509_crt_deinit(ca->crt);
	gnutls_x509_privkey_deinit(ca->key);
}

static inline void tls_authority_write(const struct tls_authority *ca, const char *path)
{
	gnutls_datum_t pem;
	FILE *f = fopen(path, "w");

	cr_assert(f);
	cr_assert_eq(gnutls_x509_crt_export2(ca->crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	fwrite(pem.data, 1, pem.size, f);
	cr_assert_eq(fclose(f), 0);
	gnutls_free(pem.data);
}

/* name: in the certificate, a host name or 127.0.0.1. */
static inline gnutls_certificate_credentials_t
tls_credentials_new(const struct tls_authority *ca, const char *name, int from, int to)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_x509_privkey_t key = tls_key_new();
	gnutls_x509_crt_t crt = tls_crt_new(key, name, from, to);
	struct addr addr;

	if (addr_parse(&addr, name))
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, addr.bytes,
						     addr_size(addr.family), GNUTLS_FSAN_SET);
	else
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
						     (unsigned)strlen(name), GNUTLS_FSAN_SET);
	cr_assert_eq(gnutls_x509_crt_sign2(crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0), 0);
	gnutls_certificate_allocate_credentials(&credentials);
	cr_assert_eq(gnutls_certificate_set_x509_key(credentials, &crt, 1, key), 0);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return credentials;
}

static inline void tls_connection_serve(struct tls_server *s, int fd)
{
	gnutls_session_t session;
	char request[1024];
	int err;

	if (!s->credentials) {
		if (recv(fd, request, sizeof(request), 0) > 0)
			send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
		return;
	}
	gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, s->credentials);
	gnutls_transport_set_int(session, fd);
	do
		err = gnutls_handshake(session);
	while (err < 0 && !gnutls_error_is_fatal(err));
	if (err == 0 && gnutls_record_recv(session, request, sizeof(request)) > 0) {
		/* In two records, so that a reader has to come back. */
		gnutls_record_send(session, s->answer, 5);
		gnutls_record_send(session, s->answer + 5, strlen(s->answer) - 5);
		gnutls_bye(session, GNUTLS_SHUT_WR);
	}
	gnutls_deinit(session);
}

static inline void *tls_server_run(void *arg)
{
	struct tls_server *s = arg;

	for (;;) {
		int fd = accept(s->fd, NULL, NULL);

		if (fd < 0)
			return NULL;
		tls_connection_serve(s, fd);
		close(fd);
		s->served++;
	}
}

/* Takes credentials over. */
static inline void tls_server_start(struct tls_server *s,
				    gnutls_certificate_credentials_t credentials,
				    const char *answer)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int flags = 0;

	memset(s, 0, sizeof(*s));
	s->answer = answer;
	s->credentials = credentials;
	cr_assert(addr_parse(&s->at.addr, "127.0.0.1"));
	s->fd = listen_tcp(&s->at);
	cr_assert_geq(s->fd, 0);
	ioctl(s->fd, FIONBIO, &flags);
	getsockname(s->fd, (struct sockaddr *)&ss, &len);
	endpoint_from_sockaddr(&s->at, (struct sockaddr *)&ss);
	cr_assert_eq(pthread_create(&s->thread, NULL, tls_server_run, s), 0);
}

static inline void tls_server_stop(struct tls_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	if (s->credentials)
		gnutls_certificate_free_credentials(s->credentials);
}

#endif
