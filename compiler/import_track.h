/*
 * Tracking of connections, which has datagrams put together before chains see them.
 */
#ifndef XDPF_IMPORT_TRACK_H
#define XDPF_IMPORT_TRACK_H

#include <jansson.h>

#include "import_ipt.h"

/* Does the rule turn it on? */
bool track_ipt(const struct ipt_words *w);
/* Does anything in this piece of JSON? */
bool track_nft(json_t *o);
/* From .hook, .priority and .tracked4, .tracked6: which datagrams the chain sees whole. At a device, do not ask. */
void track_whole(struct import *im, bool ip4, bool ip6);

#endif
