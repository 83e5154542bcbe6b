/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "geodns/tls/credentials.h"

struct made {
	char folder[40];
};

static gnutls_x509_privkey_t key_make(void)
{
	gnutls_x509_privkey_t key;

	cr_assert_eq(gnutls_x509_privkey_init(&key), 0);
	cr_assert_eq(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
						  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
						  0),
		     0);
	return key;
}

static void file_write(const struct made *m, const char *name, gnutls_datum_t pem)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", m->folder, name);
	f = fopen(path, "w");
	cr_assert(f);
	cr_assert_eq(fwrite(pem.data, 1, pem.size, f), pem.size);
	cr_assert_eq(fclose(f), 0);
}

/* NAME.crt and NAME.key. */
static void pair_make(const struct made *m, const char *name)
{
	gnutls_x509_privkey_t key = key_make();
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;
	char file[20];

	cr_assert_eq(gnutls_x509_crt_init(&crt), 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\1", 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 1000);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 1000);
	gnutls_x509_crt_set_key(crt, key);
	cr_assert_eq(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	cr_assert_eq(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	snprintf(file, sizeof(file), "%s.crt", name);
	file_write(m, file, pem);
	gnutls_free(pem.data);
	cr_assert_eq(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
	snprintf(file, sizeof(file), "%s.key", name);
	file_write(m, file, pem);
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

static void made_begin(struct made *m)
{
	char half[100];
	int n;

	strcpy(m->folder, "/tmp/credentials-XXXXXX");
	cr_assert(mkdtemp(m->folder));
	pair_make(m, "a");
	pair_make(m, "b");
	file_write(m, "empty", (gnutls_datum_t){ (unsigned char *)"", 0 });
	n = snprintf(half, sizeof(half), "-----BEGIN CERTIFICATE-----\nMIIB\n");
	file_write(m, "half", (gnutls_datum_t){ (unsigned char *)half, (unsigned)n });
}

static void made_end(const struct made *m)
{
	static const char *const names[] = { "a.crt", "a.key", "b.crt", "b.key", "empty", "half" };
	char path[100];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", m->folder, names[i]);
		unlink(path);
	}
	cr_expect_eq(rmdir(m->folder), 0);
}

Test(tls_credentials, mistakes)
{
	static const struct {
		const char *certificate, *key, *wrong, *text;
	} rows[] = {
		{ "a.crt", "a.key", NULL, NULL },
		{ "none", "a.key", "certificate", "cannot open: No such file or directory" },
		{ ".", "a.key", "certificate", "" },
		{ "empty", "a.key", "certificate", "" },
		{ "half", "a.key", "certificate", "not a chain of certificates in PEM: " },
		{ "a.key", "a.key", "certificate", "not a chain of certificates in PEM: " },
		{ "a.crt", "none", "key", "cannot open: No such file or directory" },
		{ "a.crt", "empty", "key", "" },
		{ "a.crt", "a.crt", "key", "not a private key in PEM: " },
		{ "a.crt", "b.key", "key", "not that of the certificate" },
	};
	struct made m;

	made_begin(&m);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_credentials_error err = { 0 };
		struct tls_credentials *c =
			tls_credentials_load(rows[i].certificate, rows[i].key, m.folder, &err);

		cr_expect_eq(c != NULL, rows[i].wrong == NULL, "%s %s: %s", rows[i].certificate,
			     rows[i].key, err.text);
		if (rows[i].wrong) {
			cr_expect_str_eq(err.key, rows[i].wrong);
			cr_expect_eq(strncmp(err.text, rows[i].text, strlen(rows[i].text)), 0, "%s",
				     err.text);
			cr_expect_neq(err.text[0], '\0');
		}
		tls_credentials_unref(c);
	}
	made_end(&m);
}

static void *hold_run(void *arg)
{
	for (unsigned i = 0; i < 10000; i++)
		tls_credentials_unref(tls_credentials_ref(arg));
	return NULL;
}

/* The last holder frees; sanitizers see both too early and never. */
Test(tls_credentials, held_by_threads)
{
	struct tls_credentials_error err;
	struct tls_credentials *c;
	pthread_t threads[4];
	struct made m;

	made_begin(&m);
	c = tls_credentials_load("a.crt", "a.key", m.folder, &err);
	cr_assert(c);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, hold_run, c), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(c->holders, 1);
	tls_credentials_unref(c);
	made_end(&m);
}
