/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lb/announce/announce_rig.h"

#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

void announce_rig_hear(void *ctx, const struct announcement *item)
{
	struct announce_rig *f = ctx;
	char text[PREFIX_TEXT_SIZE];
	size_t len = strlen(f->heard);

	snprintf(f->heard + len, sizeof(f->heard) - len, "%s%s ",
		 item->state == ANNOUNCE_ANNOUNCED     ? "+"
		 : item->state == ANNOUNCE_DEPREFERRED ? "~"
						       : "-",
		 prefix_format(&item->prefix, text));
}

const char *announce_rig_step(struct announce_rig *f, int64_t ns)
{
	f->heard[0] = '\0';
	f->next = announcer_step(&f->announcer, (struct instant){ ns }, (struct instant){ ns },
				 announce_rig_hear, f);
	announcer_note(&f->announcer);
	return f->heard;
}

const char *announce_rig_step_ms(struct announce_rig *f, int64_t ms)
{
	return announce_rig_step(f, ms * NS_PER_MS);
}

struct announce_rig *announce_rig_new(void)
{
	struct announce_rig *f = x_new(struct announce_rig);

	prefix_parse(&f->identity[0], "10.200.1.0/24");
	prefix_parse(&f->any[0], "198.18.0.0/24");
	prefix_parse(&f->any[1], "2001:db8:1000::/48");
	prefix_parse(&f->dns[0], "198.18.33.0/24");
	f->vip_confs[0] =
		(struct lb_vip_conf){ .name = "any", .prefixes = f->any, .prefix_count = 2 };
	f->vip_confs[1] = (struct lb_vip_conf){
		.name = "dns", .prefixes = f->dns, .prefix_count = 1, .announce = LB_ANNOUNCE_ALWAYS
	};
	f->conf.identity.prefixes = f->identity;
	f->conf.identity.prefix_count = 1;
	f->conf.vips = f->vip_confs;
	f->conf.vip_count = 2;
	for (int i = 0; i < 2; i++) {
		f->vips[i].conf = &f->vip_confs[i];
		strcpy(f->vips[i].reason, "so it is");
	}
	announcer_init(&f->announcer, &f->conf, f->vips, (struct instant){ 1 });
	return f;
}

void announce_rig_free(struct announce_rig *f)
{
	announcer_fini(&f->announcer);
	free(f);
}
