/*
 * What a look-up costs, about, in nanoseconds: what engines are chosen by, and how many hash tables. In: tables' sizes. All constants are from
 * chains of dependent loads in tables of these sizes, once per packet, with the network's stack between packets: it leaves little of the
 * processor's cache of the second level, and behind that nothing is near.
 */
#include "classify_priv.h"

enum { LEAST = 15, STEPS = 11 };		/* the first size's logarithm, and how many there are */

/* Of tables that are looked up as combinations are, each twice as large as the one before, the first 32 KB. */
static const unsigned steps[STEPS] = { 20, 24, 30, 40, 55, 85, 130, 180, 225, 270, 310 };

/* Of large tables only so much is used: what packets hit is about as varied as the rules are, and takes some lines for each of these. */
enum { RULE = 160 };

unsigned classify_bytes_cost(size_t bytes, size_t rules)
{
	unsigned i = 0;
	size_t from = (size_t)1 << LEAST;

	if (bytes / RULE > rules)
		bytes = rules * RULE;
	if (bytes <= from)
		return steps[0];
	while (i + 2 < STEPS && bytes > 2 * from) {
		i++;
		from *= 2;
	}
	return steps[i] + (unsigned)((double)(steps[i + 1] - steps[i]) * (double)(bytes - from) / (double)from);
}

size_t classify_bytes_within(unsigned cost, size_t rules)
{
	size_t bytes = 0;

	for (size_t bit = (size_t)1 << 30; bit; bit /= 2)
		if (classify_bytes_cost(bytes + bit, rules) <= cost)
			bytes += bit;
	return bytes;
}
