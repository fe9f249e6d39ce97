/*
 * Captures in the pcapng format. In: records of packets. Out: a section with a block for each interface when its first packet comes, and a block for
 * each packet: its bytes, when it came in nanoseconds, its receive queue, the program's verdict, and a comment that says which rule saw it.
 */
#include "pcapng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6, MAGIC = 0x1a2b3c4d, ETHERNET = 1 };
enum { OPT_END = 0, OPT_COMMENT = 1, SECTION_PROGRAM = 4, IF_NAME = 2, IF_TSRESOL = 9, PACKET_FLAGS = 2, PACKET_QUEUE = 6, PACKET_VERDICT = 7 };
enum { INBOUND = 1, VERDICT_XDP = 2, COMMENT_MAX = 60000 };

struct pcapng {
	FILE *out;
	char *block;			/* being built */
	size_t n, cap;
	struct {
		uint32_t ifindex;
	} *ifaces;
	size_t n_ifaces;
	bool failed;			/* memory is out */
};

static void put(struct pcapng *d, const void *data, size_t n)
{
	if (d->cap - d->n < n + 4) {
		size_t want = d->cap * 2 + n + 4096;
		char *grown = realloc(d->block, want);

		if (!grown) {
			d->failed = true;
			return;
		}
		d->block = grown;
		d->cap = want;
	}
	memcpy(d->block + d->n, data, n);
	d->n += n;
	while (d->n % 4)
		d->block[d->n++] = 0;
}

static void put32(struct pcapng *d, uint32_t v)
{
	put(d, &v, sizeof(v));
}

static void option(struct pcapng *d, uint16_t code, const void *data, size_t n)
{
	uint16_t head[2] = { code, (uint16_t)n };

	put(d, head, sizeof(head));
	put(d, data, n);
}

static void begin(struct pcapng *d, uint32_t type)
{
	d->n = 0;
	put32(d, type);
	put32(d, 0);
}

/* Its length stands at both ends. */
static int end(struct pcapng *d)
{
	uint32_t len;

	option(d, OPT_END, "", 0);
	len = (uint32_t)d->n + 4;
	put32(d, len);
	if (d->failed)
		return ENOMEM;
	memcpy(d->block + 4, &len, sizeof(len));
	errno = 0;
	return fwrite(d->block, 1, d->n, d->out) == d->n ? 0 : errno ? errno : EIO;
}

struct pcapng *pcapng_new(const char *path, const char *program)
{
	struct pcapng *d = calloc(1, sizeof(*d));
	const uint64_t unknown = UINT64_MAX;
	int err = ENOMEM;

	if (!d)
		return NULL;
	d->out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (d->out) {
		begin(d, BLOCK_SECTION);
		put32(d, MAGIC);
		put32(d, 1);		/* version 1.0 */
		put(d, &unknown, sizeof(unknown));
		option(d, SECTION_PROGRAM, program, strlen(program));
		err = end(d);
	} else {
		err = errno;
	}
	if (!err)
		return d;
	pcapng_free(d);
	errno = err;
	return NULL;
}

void pcapng_free(struct pcapng *d)
{
	if (!d)
		return;
	if (d->out && d->out != stdout)
		fclose(d->out);
	free(d->block);
	free(d->ifaces);
	free(d);
}

int pcapng_flush(struct pcapng *d)
{
	return fflush(d->out) ? errno : 0;
}

/* The interface's number in the section. */
static int iface(struct pcapng *d, uint32_t *out, uint32_t ifindex, const char *name)
{
	const uint16_t link[2] = { ETHERNET, 0 };
	const uint8_t nanoseconds = 9;
	void *grown;

	for (size_t i = 0; i < d->n_ifaces; i++)
		if (d->ifaces[i].ifindex == ifindex) {
			*out = (uint32_t)i;
			return 0;
		}
	grown = realloc(d->ifaces, (d->n_ifaces + 1) * sizeof(*d->ifaces));
	if (!grown)
		return ENOMEM;
	d->ifaces = grown;
	d->ifaces[d->n_ifaces].ifindex = ifindex;
	*out = (uint32_t)d->n_ifaces++;
	begin(d, BLOCK_INTERFACE);
	put(d, link, sizeof(link));
	put32(d, 0);			/* no limit: each packet says how much of it there is */
	option(d, IF_NAME, name, strlen(name));
	option(d, IF_TSRESOL, &nanoseconds, 1);
	return end(d);
}

int pcapng_write(struct pcapng *d, const struct xdpf_record *r, const char *name, const char *comment)
{
	uint8_t verdict[9] = { VERDICT_XDP };
	uint64_t v = (uint64_t)r->verdict;
	size_t n = strlen(comment);
	uint32_t id, flags = INBOUND;
	int err = iface(d, &id, r->ifindex, name);

	if (err)
		return err;
	begin(d, BLOCK_PACKET);
	put32(d, id);
	put32(d, (uint32_t)(r->time >> 32));
	put32(d, (uint32_t)r->time);
	put32(d, r->caplen);
	put32(d, r->len);
	put(d, r->data, r->caplen);
	option(d, OPT_COMMENT, comment, n < COMMENT_MAX ? n : COMMENT_MAX);
	option(d, PACKET_FLAGS, &flags, sizeof(flags));
	option(d, PACKET_QUEUE, &r->rxqueue, sizeof(r->rxqueue));
	memcpy(verdict + 1, &v, sizeof(v));
	if (r->decides)
		option(d, PACKET_VERDICT, verdict, sizeof(verdict));
	return end(d);
}
