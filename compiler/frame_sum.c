/*
 * Checksums of frames that are made here: the Internet checksum, and SCTP's CRC32c. In: bytes whose checksum field is zero.
 * Out: what belongs there.
 */
#include "frame.h"

uint32_t frame_sum_part(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	/* At most FRAME_MOST bytes: no overflow. */
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

uint16_t frame_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	sum += frame_sum_part(p, n);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t frame_crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	/* Its bytes are sent the least significant first. */
	return __builtin_bswap32(~crc);
}
