/*
 * Random numbers of a proof: the same for the same seed.
 */
#include "prove.h"

uint64_t prove_random(struct prove *pr, uint64_t below)
{
	uint64_t z = pr->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return below ? (z ^ z >> 31) % below : 0;
}
