/*
 * What is set before a load. In comes an opened object; out goes its .rodata with xdpf_config, and xdpf_ifaces, filled in. An
 * object without one of them has nothing that reads it, which is fine. Variables are found by BTF and never written beyond
 * their section.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <net/if.h>
#include <time.h>

#include "private.h"

void *rt_variable(struct bpf_object *bpf, const char *section, const char *name, size_t *size, size_t *offset)
{
	struct bpf_map *map = bpf_object__find_map_by_name(bpf, section);
	const struct btf *btf = bpf_object__btf(bpf);
	const struct btf_type *sec, *t;
	const struct btf_var_secinfo *v;
	size_t len = 0;
	char *data;
	int id;

	if (!map || !btf)
		return NULL;
	/* Mapped writable until the load; the pointer is const in some versions of libbpf only. */
	data = (char *)(uintptr_t)bpf_map__initial_value(map, &len);
	id = btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC);
	if (!data || id < 0)
		return NULL;
	sec = btf__type_by_id(btf, (unsigned)id);
	v = btf_var_secinfos(sec);
	for (unsigned i = 0; i < btf_vlen(sec); i++, v++) {
		const char *s;

		t = btf__type_by_id(btf, v->type);
		s = t ? btf__name_by_offset(btf, t->name_off) : NULL;
		if (!s || strcmp(s, name))
			continue;
		if (v->offset > len || v->size > len - v->offset || v->offset % 4)
			return NULL;
		*size = v->size;
		*offset = v->offset;
		return data + v->offset;
	}
	return NULL;
}

enum { NO_IFINDEX = UINT32_MAX };

static uint32_t resolve(const char *name, const struct xdpf_load_opts *o)
{
	if (o->test)
		return o->test_iface && !strcmp(o->test_iface, name) ? RT_TEST_IFINDEX : (uint32_t)NO_IFINDEX;
	return if_nametoindex(name);
}

/* CLOCK_TAI before UTC, in ns: whole seconds, 0 where nobody told the kernel. */
static uint64_t tai_offset(void)
{
	struct timespec tai, utc;

	if (clock_gettime(CLOCK_REALTIME, &utc) || clock_gettime(CLOCK_TAI, &tai))
		return 0;
	/* the two readings lie a moment apart, which may be at the turn of a second */
	return (uint64_t)(((tai.tv_sec - utc.tv_sec) * 1000000000ll + (tai.tv_nsec - utc.tv_nsec)) / 1000000000ll) * 1000000000u;
}

int rt_config_fill(struct bpf_object *bpf, const struct xdpf_meta *m, const struct xdpf_load_opts *o, uint64_t seed, const struct xdpf_log *log)
{
	size_t config_size = 0, ifaces_size = 0, at;
	struct xdpf_config *config = rt_variable(bpf, ".rodata", XDPF_VAR_CONFIG, &config_size, &at);
	uint32_t *ifaces = rt_variable(bpf, XDPF_SECTION_IFACES, XDPF_VAR_IFACES, &ifaces_size, &at), flags = 0;

	if (config && config_size != sizeof(*config))
		return rt_fail(log, EBADMSG, "the object's variable %s has an unknown layout: compile it again", XDPF_VAR_CONFIG);
	if (ifaces && ifaces_size < m->n_ifaces * sizeof(*ifaces))
		return rt_fail(log, EBADMSG, "the object's variable %s is too small for its interfaces", XDPF_VAR_IFACES);
	if (!o->frags)
		flags |= XDPF_CONFIG_LINEAR;
	if (o->test)
		flags |= XDPF_CONFIG_TRACE | XDPF_CONFIG_INPUTS | (o->has_test_rxqueue ? XDPF_CONFIG_SET_RXQUEUE : XDPF_CONFIG_NO_RXQUEUE);
	/* whoever asks the driver is bound to it then */
	if (!o->test && o->ifindex)
		flags |= XDPF_CONFIG_RX;
	if (!o->test || o->test_iface)
		flags |= XDPF_CONFIG_IFACES;
	for (size_t i = 0; ifaces && i < m->n_ifaces; i++)
		ifaces[i] = resolve(m->ifaces[i], o);
	if (config) {
		config->flags = flags;
		config->rxqueue = o->has_test_rxqueue ? o->test_rxqueue : 0;
		config->tai_offset = tai_offset();
		config->seed = seed;
		/* a test run says it itself */
		if (!o->test)
			return rt_conn_place(&config->ct_status, bpf, log);
	}
	return 0;
}
