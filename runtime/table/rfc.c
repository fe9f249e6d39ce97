/*
 * The look-up in tables of recursive flow classification, in plain C: what generated code does. In: what a packet says of each dimension. Out:
 * its list.
 */
#include "rfc.h"

static uint32_t number(const struct image *im, size_t off)
{
	return *(const uint32_t *)image_at(im, off);
}

uint32_t rfc_class(const struct image *im, const struct rfc_dim *d, unsigned which, struct value v)
{
	return !d->n ? 0 : which ? map_find(im, &d->field[which - 1], v) : number(im, d->at);
}

uint32_t rfc_find(const struct image *im, const struct rfc *r, const unsigned *which, const struct value *v)
{
	uint32_t c[RFC_NONE + 1] = { 0 };
	unsigned last = r->n_steps - 1;

	for (unsigned d = 0; d < r->n_dims; d++)
		c[d] = rfc_class(im, &r->dim[d], which[d], v[d]);
	for (unsigned s = 0; s < r->n_steps; s++) {
		size_t table = number(im, rfc_step_at(r, s)), i = (size_t)c[r->step[s].a] * number(im, rfc_step_at(r, s) + 4) + c[r->step[s].b];

		c[r->n_dims + s] = s == last && r->wide ? number(im, table + 4 * i) : *(const uint16_t *)image_at(im, table + 2 * i);
	}
	return number(im, r->at + 4 * RFC_LISTS) + 4 * c[r->n_dims + last] + 4;
}

unsigned rfc_dim_loads(const struct rfc_dim *d)
{
	unsigned most = 0;

	for (unsigned f = 0; f < d->n; f++)
		if (map_loads(&d->field[f]) > most)
			most = map_loads(&d->field[f]);
	return most;
}

unsigned rfc_loads(const struct rfc *r)
{
	unsigned n = r->n_steps;

	for (unsigned d = 0; d < r->n_dims; d++)
		n += rfc_dim_loads(&r->dim[d]);
	return n;
}
