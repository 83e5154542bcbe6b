/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/tls/credentials.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

/* RFC 8310, 9: TLS 1.2 at least, and of that only what is still recommended (RFC 9325). */
static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:"
				 "+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305";

struct material {
	gnutls_datum_t certificate, key; /* as in the files */
	gnutls_x509_crt_t *chain;
	unsigned chain_len;
	gnutls_x509_privkey_t private_key;
};

static bool mistake(struct tls_credentials_error *err, const char *key, const char *what,
		    const char *reason)
{
	err->key = key;
	snprintf(err->text, sizeof(err->text), "%s%s", what, reason);
	return false;
}

static bool file_read(gnutls_datum_t *out, const char *key, const char *name, const char *folder,
		      struct tls_credentials_error *err)
{
	char *path = name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", folder, name);
	int code = gnutls_load_file(path, out);
	int why = errno;

	free(path);
	if (code < 0)
		return mistake(err, key, "cannot open: ", strerror(why));
	return true;
}

static bool chain_read(struct material *m, struct tls_credentials_error *err)
{
	int code = gnutls_x509_crt_list_import2(&m->chain, &m->chain_len, &m->certificate,
						GNUTLS_X509_FMT_PEM,
						GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);

	if (code < 0)
		return mistake(err, "certificate",
			       "not a chain of certificates in PEM: ", gnutls_strerror(code));
	return true;
}

static bool key_read(struct material *m, struct tls_credentials_error *err)
{
	int code;

	gnutls_x509_privkey_init(&m->private_key);
	code = gnutls_x509_privkey_import2(m->private_key, &m->key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code < 0)
		return mistake(err, "key", "not a private key in PEM: ", gnutls_strerror(code));
	return true;
}

static bool material_read(struct material *m, const char *certificate, const char *key,
			  const char *folder, struct tls_credentials_error *err)
{
	return file_read(&m->certificate, "certificate", certificate, folder, err) &&
	       chain_read(m, err) && file_read(&m->key, "key", key, folder, err) &&
	       key_read(m, err);
}

static void material_free(struct material *m)
{
	for (unsigned i = 0; i < m->chain_len; i++)
		gnutls_x509_crt_deinit(m->chain[i]);
	gnutls_free(m->chain);
	gnutls_x509_privkey_deinit(m->private_key);
	if (m->key.data)
		explicit_bzero(m->key.data, m->key.size);
	gnutls_free(m->key.data);
	gnutls_free(m->certificate.data);
}

static struct tls_credentials *credentials_make(const struct material *m,
						struct tls_credentials_error *err)
{
	struct tls_credentials *c = x_new(struct tls_credentials);
	int code;

	c->holders = 1;
	c->expires = gnutls_x509_crt_get_expiration_time(m->chain[0]);
	gnutls_certificate_allocate_credentials(&c->certificate);
	/* Checks that they belong together, by signing. */
	code = gnutls_certificate_set_x509_key(c->certificate, m->chain, (int)m->chain_len,
					       m->private_key);
	if (code >= 0)
		code = gnutls_priority_init(&c->priority, priorities, NULL);
	if (code >= 0)
		code = gnutls_session_ticket_key_generate(&c->ticket_key);
	if (code >= 0)
		return c;
	mistake(err, "key",
		code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH ? "not that of the certificate"
							  : gnutls_strerror(code),
		"");
	tls_credentials_unref(c);
	return NULL;
}

struct tls_credentials *tls_credentials_load(const char *certificate, const char *key,
					     const char *folder, struct tls_credentials_error *err)
{
	struct tls_credentials *credentials = NULL;
	struct material m = { 0 };

	if (material_read(&m, certificate, key, folder, err))
		credentials = credentials_make(&m, err);
	material_free(&m);
	return credentials;
}

struct tls_credentials *tls_credentials_ref(struct tls_credentials *c)
{
	__atomic_fetch_add(&c->holders, 1, __ATOMIC_RELAXED);
	return c;
}

void tls_credentials_unref(struct tls_credentials *c)
{
	if (!c || __atomic_sub_fetch(&c->holders, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	gnutls_certificate_free_credentials(c->certificate);
	if (c->priority)
		gnutls_priority_deinit(c->priority);
	if (c->ticket_key.data)
		explicit_bzero(c->ticket_key.data, c->ticket_key.size);
	gnutls_free(c->ticket_key.data);
	free(c);
}
