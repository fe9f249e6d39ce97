/*
 * Frames. In comes a capture; out go its frames, in memory. Libpcap and the kernel both have a struct bpf_insn, which is why this stands
 * by itself.
 */
#include "bench.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fail(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	return false;
}

bool frames_read(struct frames *f, const char *path)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_open_offline(path, err);
	struct pcap_pkthdr *h;
	const u_char *data;
	size_t cap = 0;
	int got = 0;

	*f = (struct frames){ 0 };
	if (!p)
		return fail(path, err);
	f->ethernet = pcap_datalink(p) == DLT_EN10MB;
	while (f->ethernet && (got = pcap_next_ex(p, &h, &data)) == 1) {
		struct frame *frame;

		if (f->n == cap) {
			frame = realloc(f->v, (cap = cap * 2 + 64) * sizeof(*f->v));
			if (!frame)
				break;
			f->v = frame;
		}
		frame = &f->v[f->n];
		frame->data = malloc(h->caplen + 1);
		if (!frame->data)
			break;
		memcpy(frame->data, data, h->caplen);
		frame->len = h->caplen;
		f->n++;
	}
	pcap_close(p);
	/* a capture that is cut off is one all the same, as far as it goes */
	return got != 1 || fail(path, "out of memory");
}

void frames_free(struct frames *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].data);
	free(f->v);
	*f = (struct frames){ 0 };
}
