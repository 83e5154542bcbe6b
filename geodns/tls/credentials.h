/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * credentials.h - the certificate that clients are shown, and the key that goes with it.
 *
 * Also the key of session tickets, and so what has to be forgotten with a certificate. Immutable,
 * shared by threads and counted: who holds it may show it, also when a reload has brought another.
 */
#ifndef GEODNS_TLS_CREDENTIALS_H
#define GEODNS_TLS_CREDENTIALS_H

#include <gnutls/gnutls.h>
#include <time.h>

struct tls_credentials {
	unsigned holders;
	gnutls_certificate_credentials_t certificate;
	gnutls_priority_t priority;
	gnutls_datum_t ticket_key;
	time_t expires; /* the certificate, in seconds since 1970 */
};

struct tls_credentials_error {
	const char *key; /* of the configuration's "tls" */
	char text[200];
};

/*
 * Read a chain of certificates, that of the server first, and the private key of that one, both
 * PEM, relative paths from folder. NULL, with err set, when they cannot be used.
 */
struct tls_credentials *tls_credentials_load(const char *certificate, const char *key,
					     const char *folder, struct tls_credentials_error *err);
struct tls_credentials *tls_credentials_ref(struct tls_credentials *credentials);
/* NULL is fine. */
void tls_credentials_unref(struct tls_credentials *credentials);

#endif
