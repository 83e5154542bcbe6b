/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/rrset.h"

#include "geodns/dns/name.h"

/* Of one family, in all of the choice. */
#define HINTS_MAX(size) (4 + (size_t)GEO_ANSWERS_MAX * GEO_ADDRS_MAX * (size))

static const struct geo_service *service(const struct geo_name *name, uint16_t type)
{
	return type == DNS_TYPE_HTTPS ? &name->https : &name->svcb;
}

bool geo_rrset_is_owned(const struct geo_name *name, uint16_t type)
{
	if (name->has_cname || type == DNS_TYPE_A || type == DNS_TYPE_AAAA)
		return true;
	return (type == DNS_TYPE_HTTPS || type == DNS_TYPE_SVCB) && service(name, type)->len > 0;
}

uint16_t geo_rrset_main_type(const struct geo_name *name)
{
	if (name->has_cname)
		return DNS_TYPE_CNAME;
	return name->targets[0].a_count ? DNS_TYPE_A : DNS_TYPE_AAAA;
}

static const struct addr *addrs_of(const struct geo_target *t, uint16_t type, size_t *count)
{
	*count = type == DNS_TYPE_A ? t->a_count : t->aaaa_count;
	return type == DNS_TYPE_A ? t->a : t->aaaa;
}

size_t geo_rrset_count(const struct geo_name *name, const struct geo_choice *choice, uint16_t type)
{
	size_t sum = 0, count;

	if (name->has_cname || type == DNS_TYPE_HTTPS || type == DNS_TYPE_SVCB)
		return choice->count > 0;
	for (unsigned i = 0; i < choice->count; i++) {
		addrs_of(choice->targets[i], type, &count);
		sum += count;
	}
	return sum;
}

static void hints_put(struct wire_writer *w, const struct geo_choice *choice, uint16_t type,
		      enum geo_service_key key)
{
	size_t at = wire_offset(w) + 2, count;

	wire_put_u16(w, key);
	wire_put_u16(w, 0);
	for (unsigned i = 0; i < choice->count; i++) {
		const struct addr *addrs = addrs_of(choice->targets[i], type, &count);

		for (size_t k = 0; k < count; k++)
			wire_put_bytes(w, addrs[k].bytes,
				       addr_size((enum addr_family)addrs[k].family));
	}
	count = wire_offset(w) - at - 2;
	if (count > 0)
		wire_patch_u16(w, at, (uint16_t)count);
	else
		w->pos -= 4;
}

static bool service_put(struct dns_reply *reply, const uint8_t *owner, const struct geo_name *name,
			const struct geo_choice *choice, uint16_t type)
{
	const struct geo_service *s = service(name, type);
	uint8_t rdata[GEO_SERVICE_DATA_MAX + HINTS_MAX(4) + HINTS_MAX(16)];
	struct wire_writer w = wire_writer(rdata, sizeof(rdata));

	wire_put_bytes(&w, s->data, s->len);
	hints_put(&w, choice, DNS_TYPE_A, GEO_SERVICE_IPV4HINT);
	hints_put(&w, choice, DNS_TYPE_AAAA, GEO_SERVICE_IPV6HINT);
	return dns_reply_record_put(reply, DNS_ANSWER, owner, type, choice->ttl,
				    wire_reader(rdata, wire_written(&w)));
}

static bool addresses_put(struct dns_reply *reply, const uint8_t *owner,
			  const struct geo_choice *choice, uint16_t type)
{
	for (unsigned i = 0; i < choice->count; i++) {
		size_t count;
		const struct addr *addrs = addrs_of(choice->targets[i], type, &count);

		for (size_t k = 0; k < count; k++) {
			if (!dns_reply_record_put(
				    reply, DNS_ANSWER, owner, type, choice->ttl,
				    wire_reader(addrs[k].bytes,
						addr_size((enum addr_family)addrs[k].family))))
				return false;
		}
	}
	return true;
}

bool geo_rrset_put(struct dns_reply *reply, const uint8_t *owner, const struct geo_name *name,
		   const struct geo_choice *choice, uint16_t type)
{
	const uint8_t *cname = choice->targets[0]->cname;

	if (cname)
		return dns_reply_record_put(reply, DNS_ANSWER, owner, DNS_TYPE_CNAME, choice->ttl,
					    wire_reader(cname, dns_name_length(cname)));
	if (type == DNS_TYPE_HTTPS || type == DNS_TYPE_SVCB)
		return service_put(reply, owner, name, choice, type);
	return addresses_put(reply, owner, choice, type);
}
