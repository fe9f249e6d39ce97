/*
 * The counters of what runs on an interface. In: its name. Out: a program, and a snapshot that belongs to it: what got other rules while it was read
 * is read again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

void reading_free(struct reading_of *r)
{
	xdpf_stats_free(r->s);
	xdpf_program_free(r->p);
	free(r->elements);
	free(r->iface);
	*r = (struct reading_of){ 0 };
}

static int count_elements(const struct cli *cli, struct reading_of *r)
{
	const struct xdpf_meta *m = xdpf_program_meta(r->p);
	int err = 0;

	r->elements = calloc(m->n_sets + 1, sizeof(*r->elements));
	if (!r->elements)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_sets && !err; i++) {
		/* a set that no rule asks has no map */
		err = xdpf_set_count(r->p, i, &r->elements[i], NULL);
		err = err == -ENOENT ? 0 : err;
	}
	if (err)
		cli_error(cli, "the elements of sets cannot be counted: %s", strerror(-err));
	return err;
}

int reading_take(const struct cli *cli, struct reading_of *r, const char *name, bool count)
{
	int err = 0;

	*r = (struct reading_of){ 0 };
	for (int i = 0; i < 10 && !err && (!r->s || xdpf_program_changed(r->p)); i++) {
		reading_free(r);
		r->iface = calloc(1, sizeof(*r->iface));
		err = r->iface ? xdpf_program_find(&r->p, name, &cli->log) : -ENOMEM;
		if (!err)
			err = xdpf_iface_query(r->iface, name, &cli->log);
		if (!err)
			err = xdpf_stats_read(&r->s, r->p, &cli->log);
		if (!err && count)
			err = count_elements(cli, r);
	}
	if (err)
		reading_free(r);
	else
		r->c = (struct counters_of){ xdpf_program_meta(r->p), r->s, r->iface, r->elements };
	return err;
}
