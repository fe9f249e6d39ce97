/*
 * Captures that nobody chose: classic pcap and pcapng, as tests and --run read them. In: a capture's bytes. Out: nothing; each packet is there, or it
 * is said why not, and what is there is as long as it says: the dissector looks at all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "dissect.h"
#include "frame_capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static const char *give(void *arg, struct arena *a, const char *path, size_t *len, const char **why)
{
	const struct input *in = arg;

	(void)path;
	(void)why;
	*len = in->size;
	return arena_copy(a, in->data, in->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { MOST = 8 };
	struct input in = { data, size };
	const struct source_reader r = { .read = give, .arg = &in };

	for (uint64_t n = 1; n <= MOST; n++) {
		struct arena *a = arena_new();
		const uint8_t *frame = NULL;
		size_t len = 0;
		const char *why = frame_capture(a, &r, "fuzz.pcap", n, &frame, &len);

		if (!why == !frame || (why && !*why))
			abort();
		if (frame) {
			/* a block of exactly its size */
			uint8_t *exact = malloc(len ? len : 1);
			struct dissect d;

			memcpy(exact, frame, len);
			dissect_frame(&d, exact, len);
			free(exact);
		}
		arena_free(a);
		if (why)
			break;
	}
	return 0;
}
