/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/check_tls.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/addr.h"
#include "lib/alloc.h"

struct check_trust {
	struct check_trust *next;
	char *ca_file; /* NULL: the system's */
	struct stat as_read;
	gnutls_certificate_credentials_t credentials;
	unsigned users;
};

struct check_trusts {
	struct check_trust *list;
};

struct check_tls {
	gnutls_session_t session;
	char *name;
};

/* ---- whom to trust ---- */

struct check_trusts *check_trusts_new(void)
{
	return x_new(struct check_trusts);
}

void check_trusts_free(struct check_trusts *trusts)
{
	assert(!trusts || !trusts->list);
	free(trusts);
}

static void trust_free(struct check_trust *trust)
{
	gnutls_certificate_free_credentials(trust->credentials);
	free(trust->ca_file);
	free(trust);
}

void check_trust_drop(struct check_trusts *trusts, struct check_trust *trust)
{
	struct check_trust **link = &trusts->list;

	if (!trust || --trust->users > 0)
		return;
	while (*link && *link != trust)
		link = &(*link)->next;
	if (*link)
		*link = trust->next;
	trust_free(trust);
}

static bool is_as_read(const struct check_trust *trust, const char *ca_file, const struct stat *st)
{
	const struct stat *was = &trust->as_read;

	if (!ca_file || !trust->ca_file)
		return !ca_file && !trust->ca_file;
	return strcmp(trust->ca_file, ca_file) == 0 && was->st_dev == st->st_dev &&
	       was->st_ino == st->st_ino && was->st_size == st->st_size &&
	       was->st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       was->st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

/* NULL, with why in reason. */
static struct check_trust *trust_read(const char *ca_file, const struct stat *st, char *reason,
				      size_t size)
{
	struct check_trust *trust = x_new(struct check_trust);
	int count;

	gnutls_certificate_allocate_credentials(&trust->credentials);
	if (ca_file)
		count = gnutls_certificate_set_x509_trust_file(trust->credentials, ca_file,
							       GNUTLS_X509_FMT_PEM);
	else
		count = gnutls_certificate_set_x509_system_trust(trust->credentials);
	if (count > 0) {
		trust->ca_file = ca_file ? xstrdup(ca_file) : NULL;
		trust->as_read = *st;
		return trust;
	}
	snprintf(reason, size, "%s: %s", ca_file ? ca_file : "the system's authorities",
		 count < 0 ? gnutls_strerror(count) : "no certificate");
	trust_free(trust);
	return NULL;
}

bool check_trust_renew(struct check_trusts *trusts, struct check_trust **trust, const char *ca_file,
		       char *reason, size_t size)
{
	struct check_trust *now = trusts->list;
	struct stat st = { 0 };

	if (ca_file && stat(ca_file, &st) < 0) {
		snprintf(reason, size, "%s: %s", ca_file, strerror(errno));
		now = NULL;
	} else {
		while (now && !is_as_read(now, ca_file, &st))
			now = now->next;
		if (!now)
			now = trust_read(ca_file, &st, reason, size);
		if (now && now->users == 0) {
			now->next = trusts->list;
			trusts->list = now;
		}
	}
	if (now)
		now->users++;
	check_trust_drop(trusts, *trust);
	*trust = now;
	return now;
}

/* ---- one connection ---- */

struct check_tls *check_tls_new(const struct check_trust *trust, int fd, const char *name)
{
	static const gnutls_datum_t http = { (unsigned char *)"http/1.1", 8 };
	struct check_tls *tls = x_new(struct check_tls);
	struct addr addr;

	tls->name = xstrdup(name);
	gnutls_init(&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	gnutls_set_default_priority(tls->session);
	gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, trust->credentials);
	gnutls_alpn_set_protocols(tls->session, &http, 1, 0);
	/* SNI is for names only (RFC 6066, section 3); certificates may be for addresses too. */
	if (!addr_parse(&addr, name))
		gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, name, strlen(name));
	gnutls_session_set_verify_cert(tls->session, tls->name, 0);
	gnutls_transport_set_int(tls->session, fd);
	return tls;
}

void check_tls_free(struct check_tls *tls)
{
	if (!tls)
		return;
	gnutls_deinit(tls->session);
	free(tls->name);
	free(tls);
}

/* In words that fit behind "certificate: ". */
static const char *certificate_fault(unsigned status)
{
	static const struct {
		unsigned bit;
		const char *text;
	} faults[] = {
		{ GNUTLS_CERT_EXPIRED, "has expired" },
		{ GNUTLS_CERT_NOT_ACTIVATED, "is not valid yet" },
		{ GNUTLS_CERT_REVOKED, "was revoked" },
		{ GNUTLS_CERT_SIGNER_NOT_FOUND, "its authority is not trusted" },
		{ GNUTLS_CERT_SIGNER_NOT_CA, "its signer is no authority" },
		{ GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong" },
		{ GNUTLS_CERT_INSECURE_ALGORITHM, "its algorithm is insecure" },
		{ GNUTLS_CERT_UNEXPECTED_OWNER, "is for another name" },
		{ GNUTLS_CERT_PURPOSE_MISMATCH, "is not for servers" },
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (status & faults[i].bit)
			return faults[i].text;
	}
	return "is not trusted";
}

int check_tls_handshake(struct check_tls *tls, char *reason, size_t size)
{
	int err;

	/* Warnings are not the end. */
	do
		err = gnutls_handshake(tls->session);
	while (err < 0 && err != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(err));
	if (err == GNUTLS_E_SUCCESS)
		return 0;
	if (err == GNUTLS_E_AGAIN)
		return -EAGAIN;
	if (err == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		snprintf(reason, size, "certificate: %s",
			 certificate_fault(gnutls_session_get_verify_cert_status(tls->session)));
	else if (err == GNUTLS_E_FATAL_ALERT_RECEIVED)
		snprintf(reason, size, "TLS alert: %s",
			 gnutls_alert_get_name(gnutls_alert_get(tls->session)));
	else
		snprintf(reason, size, "TLS: %s", gnutls_strerror(err));
	return -EPROTO;
}

bool check_tls_wants_write(const struct check_tls *tls)
{
	return gnutls_record_get_direction(tls->session) == 1;
}

static ssize_t transfer_result(ssize_t n, char *reason, size_t size)
{
	if (n >= 0)
		return n;
	/* Not every server says good-bye. What was to come is framed by HTTP. */
	if (n == GNUTLS_E_PREMATURE_TERMINATION)
		return 0;
	if (n == GNUTLS_E_AGAIN || !gnutls_error_is_fatal((int)n))
		return -EAGAIN;
	snprintf(reason, size, "TLS: %s", gnutls_strerror((int)n));
	return -EPROTO;
}

ssize_t check_tls_send(struct check_tls *tls, const void *data, size_t len, char *reason,
		       size_t size)
{
	return transfer_result(gnutls_record_send(tls->session, data, len), reason, size);
}

ssize_t check_tls_recv(struct check_tls *tls, void *data, size_t len, char *reason, size_t size)
{
	return transfer_result(gnutls_record_recv(tls->session, data, len), reason, size);
}
