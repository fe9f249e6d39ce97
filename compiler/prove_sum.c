/*
 * Checksums of frames of proofs. In: a frame. Out: the same with right checksums wherever the headers are there to have one: a stack looks at IPv4's
 * before rules are asked, and connection tracking at others.
 */
#include "dissect.h"
#include "frame.h"
#include "prove.h"

static void put(uint8_t *p, uint16_t sum)
{
	p[0] = (uint8_t)(sum >> 8);
	p[1] = (uint8_t)sum;
}

static void sum4(uint8_t *data, size_t len, size_t at)
{
	size_t n = (data[at] & 0xf) * 4u;

	if (n < 20 || at + n > len)
		return;
	put(data + at + 10, 0);
	put(data + at + 10, frame_sum(0, data + at, n));
}

static void transport(const struct dissect *d, uint8_t *data, enum header_id h, unsigned field, unsigned proto, bool pseudo)
{
	size_t at = d->offset[h], n = d->end - at;
	bool ip4 = dissect_has(d, HDR_IP4);
	uint32_t sum = 0;

	if (!dissect_has(d, h) || d->end < at + field + 2)
		return;
	if (pseudo)
		sum = frame_sum_part(data + d->offset[ip4 ? HDR_IP4 : HDR_IP6] + (ip4 ? 12 : 8), ip4 ? 8 : 32) + proto + (uint32_t)n;
	put(data + at + field, 0);
	put(data + at + field, frame_sum(sum, data + at, n));
}

void prove_sums(uint8_t *data, size_t len)
{
	struct dissect d;

	dissect_frame(&d, data, len);
	if (dissect_has(&d, HDR_IP4))
		sum4(data, len, d.offset[HDR_IP4]);
	if (d.fragment || d.malformed)
		return;
	transport(&d, data, HDR_TCP, 16, 6, true);
	transport(&d, data, HDR_UDP, 6, 17, true);
	transport(&d, data, HDR_ICMP, 2, 1, false);
	transport(&d, data, HDR_ICMP6, 2, 58, true);
}
