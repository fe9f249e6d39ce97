/*
 * What drivers say of a packet besides its bytes, as the evaluator is told it, and how `--rx` of both tools spells it.
 */
#ifndef XDPF_RX_H
#define XDPF_RX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { XDPF_RX_VLAN_DEFAULT = 0x8100 };	/* the tag's type, where none is given: 802.1Q */

struct xdpf_rx {
	bool has_hash, has_vlan;
	uint32_t hash;			/* of the packet's flow */
	uint64_t timestamp;		/* ns of the device's clock; 0: none */
	uint16_t vlan_type, vlan_tci;	/* of the tag that the device took out of the frame, as numbers */
};

/* "hash=0x17,timestamp=5,vlan=7,pcp=3,type=0x88a8"; false: it is none of that. */
static inline bool xdpf_rx_read(const char *text, struct xdpf_rx *out)
{
	static const struct { const char *name; uint64_t most; } words[] = {
		{ "hash", UINT32_MAX }, { "timestamp", UINT64_MAX }, { "vlan", 4095 }, { "pcp", 7 }, { "type", 65535 },
	};
	enum { HASH, TIMESTAMP, VLAN, PCP, TYPE, WORDS };
	uint64_t value[WORDS] = { [TYPE] = XDPF_RX_VLAN_DEFAULT };
	bool given[WORDS] = { false };

	for (;; text++) {
		size_t len = strcspn(text, "="), w = 0;
		char *end;

		while (w < WORDS && (strlen(words[w].name) != len || strncmp(words[w].name, text, len) != 0))
			w++;
		if (w == WORDS || given[w] || text[len] != '=' || text[len + 1] < '0' || text[len + 1] > '9')
			return false;
		given[w] = true;
		value[w] = strtoull(text + len + 1, &end, 0);
		/* what does not fit is the greatest there is; a timestamp of it is none that a device has */
		if (value[w] > words[w].most || value[w] == UINT64_MAX || (*end && *end != ','))
			return false;
		text = end;
		if (!*text)
			break;
	}
	if ((given[PCP] || given[TYPE]) && !given[VLAN])
		return false;
	*out = (struct xdpf_rx){
		.has_hash = given[HASH], .hash = (uint32_t)value[HASH], .timestamp = value[TIMESTAMP], .has_vlan = given[VLAN],
		.vlan_type = (uint16_t)value[TYPE], .vlan_tci = (uint16_t)(value[PCP] << 13 | value[VLAN]),
	};
	return true;
}

#endif
