/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/database.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <maxminddb.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "geodns/geo/country.h"
#include "geodns/geo/record.h"
#include "lib/alloc.h"

#define NO_NODE	    UINT32_MAX
#define NODES_MAX   INT32_MAX
#define CHUNK	    (64 << 20)
#define LAYOUTS	    2
#define PATH_LENGTH 3

/* What a record may hold. */
enum field { FIELD_LATITUDE, FIELD_LONGITUDE, FIELD_COUNTRY, FIELD_CONTINENT, FIELD_ASN };
#define FIELDS 5

/* Where it is: in MaxMind's layout, and flat. */
static const char *const field_paths[FIELDS][LAYOUTS][PATH_LENGTH] = {
	[FIELD_LATITUDE] = { { "location", "latitude" }, { "latitude" } },
	[FIELD_LONGITUDE] = { { "location", "longitude" }, { "longitude" } },
	[FIELD_COUNTRY] = { { "country", "iso_code" }, { "country_code" } },
	[FIELD_CONTINENT] = { { "continent", "code" }, { "continent_code" } },
	[FIELD_ASN] = { { "autonomous_system_number" }, { "asn" } },
};

static const unsigned field_facts[FIELDS] = {
	[FIELD_LATITUDE] = GEO_FACTS_PLACE,  [FIELD_LONGITUDE] = GEO_FACTS_PLACE,
	[FIELD_COUNTRY] = GEO_FACTS_COUNTRY, [FIELD_CONTINENT] = GEO_FACTS_CONTINENT,
	[FIELD_ASN] = GEO_FACTS_ASN,
};

struct geo_database {
	MMDB_s mmdb;
	struct geo_database_info info;
	struct geo_branch ipv4;
	uint64_t steps_left;
	uint8_t layouts[FIELDS]; /* the one in which the field was found last */
};

static void error_set(struct geo_database_error *err, const char *what, const char *why)
{
	snprintf(err->text, sizeof(err->text), "%.120s: %.70s", what, why);
}

/* Copies until the end of the file, whatever its size was. */
static bool file_copy(int from, int to)
{
	ssize_t n;

	do
		n = sendfile(to, from, NULL, CHUNK);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0;
}

static bool bytes_copy(const uint8_t *bytes, size_t len, int to)
{
	while (len > 0) {
		ssize_t n = write(to, bytes, len);

		if (n < 0 && errno != EINTR)
			return false;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* Where addresses of IPv4 begin in a tree for IPv6: behind 96 zeros. */
static struct geo_branch ipv4_find(struct geo_database *db)
{
	struct geo_branch at = { GEO_BRANCH_NODE, 0 }, halves[2];
	struct geo_database_error ignored;

	if (db->mmdb.metadata.ip_version == 4)
		return at;
	for (unsigned i = 0; i < 96; i++) {
		/* What covers more than IPv4 does not tell of it. */
		if (at.kind != GEO_BRANCH_NODE ||
		    !geo_database_step(db, at.value, halves, &ignored))
			return (struct geo_branch){ GEO_BRANCH_NONE, 0 };
		at = halves[0];
	}
	return at;
}

/* mmdb is open: is it one that we can walk? */
static bool database_check(struct geo_database *db, struct geo_database_error *err)
{
	const MMDB_metadata_s *m = &db->mmdb.metadata;
	uint64_t tree = (uint64_t)m->node_count * m->record_size / 4;
	const char *why = NULL;

	if (m->ip_version != 4 && m->ip_version != 6)
		why = "is for neither IPv4 nor IPv6";
	else if (m->record_size != 24 && m->record_size != 28 && m->record_size != 32)
		why = "has records of a size that is not known";
	else if (m->node_count > NODES_MAX || tree + 16 > (uint64_t)db->mmdb.file_size)
		why = "is shorter than its tree";
	if (why) {
		error_set(err, db->info.path, why);
		return false;
	}
	snprintf(db->info.type, sizeof(db->info.type), "%s", m->database_type);
	db->info.built = m->build_epoch;
	/* Both families, and what little is shared without being marked as such. */
	db->steps_left = 4 * ((uint64_t)m->node_count + 1024);
	db->ipv4 = (struct geo_branch){ GEO_BRANCH_NONE, NO_NODE };
	db->ipv4 = ipv4_find(db);
	return true;
}

/* Takes the descriptor over. */
static struct geo_database *descriptor_open(const struct geo_database_info *info, int fd,
					    struct geo_database_error *err)
{
	struct geo_database *db = x_new(struct geo_database);
	char path[40];
	int status;

	db->info = *info;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	status = MMDB_open(path, MMDB_MODE_MMAP, &db->mmdb);
	close(fd);
	if (status != MMDB_SUCCESS) {
		error_set(err, info->path, MMDB_strerror(status));
		free(db);
		return NULL;
	}
	if (database_check(db, err))
		return db;
	geo_database_close(db);
	return NULL;
}

static int memory_open(const char *path, struct geo_database_error *err)
{
	int fd = memfd_create("mmdb", MFD_CLOEXEC);

	if (fd < 0)
		error_set(err, path, strerror(errno));
	return fd;
}

struct geo_database *geo_database_open(const char *path, enum geo_database_use use,
				       struct geo_database_error *err)
{
	struct geo_database_info info = { .size = 0 };
	int file = open(path, O_RDONLY | O_CLOEXEC), copy;
	struct stat st;

	if (file < 0 || fstat(file, &st) != 0 || !S_ISREG(st.st_mode)) {
		error_set(err, path, file < 0 ? strerror(errno) : "is no file");
		if (file >= 0)
			close(file);
		return NULL;
	}
	snprintf(info.path, sizeof(info.path), "%s", path);
	info.device = st.st_dev;
	info.inode = st.st_ino;
	info.size = (uint64_t)st.st_size;
	info.changed = st.st_mtim;
	if (use == GEO_DATABASE_LOOK)
		return descriptor_open(&info, file, err);
	copy = memory_open(path, err);
	if (copy >= 0 && !file_copy(file, copy)) {
		error_set(err, path, strerror(errno));
		close(copy);
		copy = -1;
	}
	close(file);
	return copy >= 0 ? descriptor_open(&info, copy, err) : NULL;
}

struct geo_database *geo_database_open_bytes(const char *path, const void *bytes, size_t len,
					     struct geo_database_error *err)
{
	struct geo_database_info info = { .size = len };
	int copy = memory_open(path, err);

	snprintf(info.path, sizeof(info.path), "%s", path);
	if (copy >= 0 && !bytes_copy(bytes, len, copy)) {
		error_set(err, path, strerror(errno));
		close(copy);
		copy = -1;
	}
	return copy >= 0 ? descriptor_open(&info, copy, err) : NULL;
}

void geo_database_close(struct geo_database *db)
{
	if (!db)
		return;
	MMDB_close(&db->mmdb);
	free(db);
}

const struct geo_database_info *geo_database_info(const struct geo_database *db)
{
	return &db->info;
}

bool geo_database_is(const struct geo_database *db, const struct geo_database_info *info,
		     struct geo_database_error *err)
{
	const struct geo_database_info *own = &db->info;

	if (own->device == info->device && own->inode == info->inode && own->size == info->size &&
	    own->changed.tv_sec == info->changed.tv_sec &&
	    own->changed.tv_nsec == info->changed.tv_nsec)
		return true;
	error_set(err, info->path, "is another file than the one that was loaded");
	return false;
}

struct geo_branch geo_database_root(const struct geo_database *db, enum addr_family family)
{
	if (family == ADDR_IPV4)
		return db->ipv4;
	return (struct geo_branch){ db->mmdb.metadata.ip_version == 6 ? GEO_BRANCH_NODE
								      : GEO_BRANCH_NONE,
				    0 };
}

static struct geo_branch branch(const struct geo_database *db, uint64_t record, uint8_t type,
				const MMDB_entry_s *entry)
{
	struct geo_branch b = { GEO_BRANCH_NONE, 0 };

	if (type == MMDB_RECORD_TYPE_DATA)
		b = (struct geo_branch){ GEO_BRANCH_DATA, entry->offset };
	else if (type == MMDB_RECORD_TYPE_SEARCH_NODE)
		b = (struct geo_branch){ GEO_BRANCH_NODE, (uint32_t)record };
	/* In a file for IPv4 that node is the root, which nothing leads to. */
	if (b.kind == GEO_BRANCH_NODE && db->ipv4.kind == GEO_BRANCH_NODE &&
	    b.value == db->ipv4.value)
		b.kind = GEO_BRANCH_NONE;
	return b;
}

bool geo_database_step(struct geo_database *db, uint32_t node, struct geo_branch halves[2],
		       struct geo_database_error *err)
{
	MMDB_search_node_s found;
	int status = MMDB_read_node(&db->mmdb, node, &found);

	if (status == MMDB_SUCCESS && (found.left_record_type == MMDB_RECORD_TYPE_INVALID ||
				       found.right_record_type == MMDB_RECORD_TYPE_INVALID))
		status = MMDB_CORRUPT_SEARCH_TREE_ERROR;
	if (status != MMDB_SUCCESS) {
		error_set(err, db->info.path, MMDB_strerror(status));
		return false;
	}
	if (db->steps_left-- == 0) {
		db->steps_left = 0;
		error_set(err, db->info.path, "its tree has loops");
		return false;
	}
	halves[0] = branch(db, found.left_record, found.left_record_type, &found.left_record_entry);
	halves[1] =
		branch(db, found.right_record, found.right_record_type, &found.right_record_entry);
	return true;
}

/* 1: found, 0: the record has no such field, -1: damaged. */
static int field_find(struct geo_database *db, uint32_t offset, enum field field,
		      MMDB_entry_data_s *out, struct geo_database_error *err)
{
	MMDB_entry_s entry = { &db->mmdb, offset };

	for (unsigned i = 0; i < LAYOUTS; i++) {
		uint8_t layout = (uint8_t)((db->layouts[field] + i) % LAYOUTS);
		int status = MMDB_aget_value(&entry, out, field_paths[field][layout]);

		if (status == MMDB_SUCCESS && out->has_data) {
			db->layouts[field] = layout;
			return 1;
		}
		if (status != MMDB_SUCCESS &&
		    status != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR &&
		    status != MMDB_INVALID_LOOKUP_PATH_ERROR) {
			error_set(err, db->info.path, MMDB_strerror(status));
			return -1;
		}
	}
	return 0;
}

static double number(const MMDB_entry_data_s *data)
{
	if (data->type == MMDB_DATA_TYPE_DOUBLE)
		return data->double_value;
	if (data->type == MMDB_DATA_TYPE_FLOAT)
		return (double)data->float_value;
	return NAN;
}

static uint32_t asn(const MMDB_entry_data_s *data)
{
	if (data->type == MMDB_DATA_TYPE_UINT32)
		return data->uint32;
	if (data->type == MMDB_DATA_TYPE_UINT16)
		return data->uint16;
	return 0;
}

static uint16_t code(const MMDB_entry_data_s *data)
{
	return data->type == MMDB_DATA_TYPE_UTF8_STRING
		       ? geo_code_parse(data->utf8_string, data->data_size)
		       : 0;
}

bool geo_database_facts(struct geo_database *db, uint32_t offset, unsigned wanted,
			struct geo_facts *out, struct geo_database_error *err)
{
	struct geo_facts facts = { .asn = 0 };
	double at[2] = { NAN, NAN };

	if (!geo_record_is_sound(db->mmdb.data_section, db->mmdb.data_section_size, offset)) {
		error_set(err, db->info.path, "a record is damaged");
		return false;
	}
	for (enum field field = FIELD_LATITUDE; field < FIELDS; field++) {
		MMDB_entry_data_s data;
		int found;

		if (!(wanted & field_facts[field]))
			continue;
		found = field_find(db, offset, field, &data, err);
		if (found < 0)
			return false;
		if (found == 0)
			continue;
		if (field == FIELD_COUNTRY)
			facts.country = code(&data);
		else if (field == FIELD_CONTINENT)
			facts.continent = code(&data);
		else if (field == FIELD_ASN)
			facts.asn = asn(&data);
		else
			at[field] = number(&data);
	}
	/* Comparisons with what is no number are false. */
	if (fabs(at[0]) <= 90 && fabs(at[1]) <= 180) {
		facts.has_at = 1;
		facts.at = (struct geo_point){ at[0] + 0.0, at[1] + 0.0 };
	}
	*out = facts;
	return true;
}

bool geo_database_find(struct geo_database *db, const struct addr *addr, struct geo_facts *out,
		       struct geo_database_error *err)
{
	struct geo_branch at = geo_database_root(db, (enum addr_family)addr->family), halves[2];

	*out = (struct geo_facts){ .asn = 0 };
	for (unsigned i = 0; at.kind == GEO_BRANCH_NODE && i < addr_bits(addr->family); i++) {
		if (!geo_database_step(db, at.value, halves, err))
			return false;
		at = halves[addr_bit(addr, i)];
	}
	return at.kind != GEO_BRANCH_DATA ||
	       geo_database_facts(db, at.value, GEO_FACTS_ALL, out, err);
}
