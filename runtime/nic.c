/*
 * What network cards have to do with an object's rules. In: the object's text on it, which may be anything. Out: the rules that look at tags, and
 * those that a card's own filters could take; a warning where tags are taken out of frames before a filter sees them.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "private.h"

enum { FILTER_MAX = 256 };

static void json_freep(json_t **o)
{
	json_decref(*o);
}

static void nic_freep(struct rt_nic_rules **n)
{
	rt_nic_free(*n);
}

void rt_nic_free(struct rt_nic_rules *n)
{
	if (!n)
		return;
	json_decref(n->root);
	free(n->tags);
	free(n->filters);
	free(n);
}

static const struct xdpf_rule *rule_of(const json_t *v, const struct xdpf_meta *m)
{
	json_int_t i = json_is_integer(v) ? json_integer_value(v) : -1;

	return i < 0 || (uint64_t)i >= m->n_indexes ? NULL : xdpf_meta_rule(m, (unsigned)i);
}

/* It is shown to people who copy it into a shell. */
static const char *filter_of(const json_t *v)
{
	static const char may[] = "abcdefghijklmnopqrstuvwxyz0123456789 .:-";
	const char *s = json_string_value(v);

	return s && strlen(s) < FILTER_MAX && s[strspn(s, may)] == '\0' ? s : NULL;
}

static bool read_tags(struct rt_nic_rules *n, const json_t *a, const struct xdpf_meta *m)
{
	size_t size = json_array_size(a);

	if (!json_is_array(a) || size > XDPF_NIC_RULES)
		return false;
	n->tags = calloc(size + 1, sizeof(*n->tags));
	for (size_t i = 0; n->tags && i < size; i++) {
		n->tags[i] = rule_of(json_array_get(a, i), m);
		if (!n->tags[i])
			return false;
		n->n_tags++;
	}
	return n->tags;
}

static bool read_filters(struct rt_nic_rules *n, const json_t *a, const struct xdpf_meta *m)
{
	size_t size = json_array_size(a);

	if (!json_is_array(a) || size > XDPF_NIC_RULES)
		return false;
	n->filters = calloc(size * XDPF_NIC_FILTERS + 1, sizeof(*n->filters));
	for (size_t i = 0; n->filters && i < size; i++) {
		const json_t *row = json_array_get(a, i);
		const struct xdpf_rule *r = rule_of(json_array_get(row, 0), m);
		size_t k = json_array_size(row);

		if (!r || r->verdict != XDPF_DROP || k < 2 || k > XDPF_NIC_FILTERS + 1)
			return false;
		for (size_t f = 1; f < k; f++) {
			n->filters[n->n_filters] = (struct rt_nic_filter){ r, filter_of(json_array_get(row, f)) };
			if (!n->filters[n->n_filters++].text)
				return false;
		}
	}
	return n->filters;
}

int rt_nic_parse(struct rt_nic_rules **out, const char *text, size_t len, const struct xdpf_meta *m, const struct xdpf_log *log)
{
	_cleanup_(nic_freep) struct rt_nic_rules *n = calloc(1, sizeof(*n));
	_cleanup_(json_freep) json_t *root = json_loadb(text, len, 0, NULL);

	if (!n)
		return rt_fail(log, ENOMEM, "out of memory");
	if (!json_is_object(root) || !read_tags(n, json_object_get(root, "tags"), m) || !read_filters(n, json_object_get(root, "filters"), m))
		return rt_fail(log, EBADMSG, "what the object says of network cards is broken: compile it again");
	n->root = take_ptr(root);
	*out = take_ptr(n);
	return 0;
}

/* ---- tags ---- */

bool rt_nic_hides_tags(const struct xdpf_iface *i, char *why, size_t size, const struct xdpf_log *log)
{
	struct rt_link link;
	struct rt_nic nic;

	if (rt_nic_query(&nic, i->ifindex, log) || rt_link_query(&link, i->ifindex, log) || !(nic.on & RT_NIC_VLAN_STRIP))
		return false;
	if (!strcmp(link.kind, "veth"))
		snprintf(why, size, "its other end may send frames whose tag stands beside them (its tx-vlan-offload): "
			 "`ethtool -K PEER txvlan off` there puts it in");
	else if (nic.fixed & RT_NIC_VLAN_STRIP)
		snprintf(why, size, "its driver takes 802.1Q tags out of received frames and cannot be told not to (rx-vlan-offload is fixed)");
	else
		snprintf(why, size, "its driver takes 802.1Q tags out of received frames (rx-vlan-offload): `ethtool -K %s rxvlan off` keeps them",
			 i->name);
	return true;
}

void rt_nic_warn(const struct xdpf_object *o, const struct xdpf_iface *i, const struct xdpf_log *log)
{
	const struct xdpf_rule *r;
	char why[256];

	if (!o->nic || !o->nic->n_tags || !rt_nic_hides_tags(i, why, sizeof(why), log))
		return;
	r = o->nic->tags[0];
	rt_log(log, XDPF_LOG_WARNING, "%s: %zu rule%s look%s at tags (%s, line %u), which may not be in the frame any more\n%s; what the driver "
	       "says of them is in rx.vlan.id", i->name, o->nic->n_tags, o->nic->n_tags == 1 ? "" : "s", o->nic->n_tags == 1 ? "s" : "", r->shown,
	       r->line, why);
}
