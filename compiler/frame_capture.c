/*
 * A packet of a capture file. In: a path and a number, and who reads files. Out: the packet's captured bytes. Only regular
 * files are read, and only Ethernet.
 */
#include "frame_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *open_stream(struct arena *a, FILE *f, pcap_t **out)
{
	char err[PCAP_ERRBUF_SIZE] = "";

	if (!f)
		return "out of memory";
	*out = pcap_fopen_offline(f, err);
	if (*out)
		return NULL;
	fclose(f);
	return arena_printf(a, "%s", err);
}

static const char *open_given(struct arena *a, const struct source_reader *r, const char *path, pcap_t **out)
{
	const char *why = NULL, *bytes;
	size_t len = 0;

	bytes = r->read(r->arg, a, path, &len, &why);
	if (!bytes)
		return why;
	if (!len)
		return "it is empty";
	return open_stream(a, fmemopen((void *)(uintptr_t)bytes, len, "rb"), out);
}

/* Without O_NONBLOCK a named pipe would wait for its writer. */
static const char *open_capture(struct arena *a, const char *path, pcap_t **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		const char *why = fd < 0 ? strerror(errno) : "it is not a regular file";

		if (fd >= 0)
			close(fd);
		return arena_printf(a, "%s", why);
	}
	f = fdopen(fd, "rb");
	if (!f)
		close(fd);
	return open_stream(a, f, out);
}

const char *frame_capture(struct arena *a, const struct source_reader *r, const char *path, uint64_t number, const uint8_t **data, size_t *len)
{
	pcap_t *p = NULL;
	const char *why = r ? open_given(a, r, path, &p) : open_capture(a, path, &p);
	struct pcap_pkthdr *h;
	const u_char *bytes;
	uint64_t n = 0;
	int got = 0;

	if (why)
		return why;
	if (pcap_datalink(p) != DLT_EN10MB)
		why = "its packets are no Ethernet frames";
	while (!why && n < number && (got = pcap_next_ex(p, &h, &bytes)) == 1)
		n++;
	if (!why && got == PCAP_ERROR)
		why = arena_printf(a, "it is broken behind packet %llu", (unsigned long long)n);
	else if (!why && n < number)
		why = arena_printf(a, "it has %llu packets", (unsigned long long)n);
	if (!why && n) {
		*data = arena_copy(a, bytes, h->caplen);
		*len = h->caplen;
	}
	pcap_close(p);
	return why;
}
