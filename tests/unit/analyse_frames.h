/*
 * Every packet that small rule files can tell apart: of test_analyse.c, which is the only one that includes it.
 */
#ifndef XDPF_TEST_ANALYSE_FRAMES_H
#define XDPF_TEST_ANALYSE_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct frame {
	uint8_t data[160];
	size_t len;
};

static struct frame *frames;
static size_t n_frames, cap_frames;

static void keep(const struct frame *f)
{
	if (n_frames == cap_frames) {
		cap_frames = cap_frames ? 2 * cap_frames : 4096;
		frames = realloc(frames, cap_frames * sizeof(*frames));
		assert_non_null(frames);
	}
	frames[n_frames++] = *f;
}

static void put(struct frame *f, uint64_t v, unsigned n)
{
	for (unsigned i = n; i-- > 0;)
		f->data[f->len++] = (uint8_t)(v >> 8 * i);
}

/* Ethernet and @tags tags; @id: of the outer one. */
static void link_layer(struct frame *f, unsigned tags, unsigned id, unsigned type)
{
	f->len = 0;
	put(f, 0x020000000002, 6);
	put(f, 0x020000000001, 6);
	for (unsigned i = 0; i < tags; i++) {
		put(f, i + 1 < tags ? 0x88a8 : 0x8100, 2);
		put(f, i ? 1 : id, 2);
	}
	put(f, type, 2);
}

enum how { SOUND, BAD_TOTAL, BAD_VERSION, FIRST, LATER, BEHIND_AH, CUT, FIRST_CUT, AH_CUT, FIRST_BAD, LATER_BAD, ATOMIC, AH_FIRST, AH_ATOMIC, HOWS };

/* Which of them has what. */
static bool in_front(enum how how)
{
	return how == BEHIND_AH || how == AH_CUT || how == AH_FIRST || how == AH_ATOMIC;
}

static bool first(enum how how)
{
	return how == FIRST || how == FIRST_CUT || how == FIRST_BAD || how == AH_FIRST;
}

static bool later(enum how how)
{
	return how == LATER || how == LATER_BAD;
}

static bool cut(enum how how)
{
	return how == CUT || how == FIRST_CUT || how == AH_CUT;
}

static bool bad_total(enum how how)
{
	return how == BAD_TOTAL || how == FIRST_BAD || how == LATER_BAD;
}

/* IP of @six or 4 from source @src, with @n bytes of protocol @proto behind it. */
static void network(struct frame *f, bool six, enum how how, unsigned src, unsigned proto, unsigned n)
{
	bool frag = six && (first(how) || later(how) || how == ATOMIC || how == AH_ATOMIC), ah = in_front(how);
	unsigned total = n + (frag ? 8 : 0) + (ah ? 12 : 0), behind_ip = frag ? 44 : ah ? 51 : proto;

	/* two bytes too few */
	if (cut(how))
		total -= 2;
	if (six) {
		put(f, how == BAD_VERSION ? 0x50000000 : 0x60000000, 4);
		put(f, bad_total(how) ? 9000 : total, 2);
		put(f, behind_ip, 1);
		put(f, 64, 1);
		put(f, 0x20010db800000000, 8);
		put(f, src, 8);
		put(f, 0x20010db800000000, 8);
		put(f, 99, 8);
	} else {
		put(f, how == BAD_VERSION ? 0x55 : 0x45, 1);
		put(f, 0, 1);
		put(f, bad_total(how) ? 9000 : 20 + total, 2);
		put(f, 0, 2);
		put(f, first(how) ? 0x2000 : later(how) ? 1 : 0, 2);
		put(f, 64, 1);
		put(f, behind_ip, 1);
		put(f, 0, 2);
		put(f, src < 4 ? 0x0a000000 + src : 0x0b000001, 4);
		put(f, 0xc6336402, 4);
	}
	if (frag) {
		put(f, (uint64_t)(ah ? 51 : proto) << 24 | (first(how) ? 1 : later(how) ? 8 : 0), 4);
		put(f, 0, 4);
	}
	if (ah) {
		put(f, proto << 24 | 1 << 16, 4);
		put(f, 0, 8);
	}
}

static void transports(unsigned tags, unsigned id, bool six, enum how how)
{
	struct frame f;

	for (unsigned src = 0; src < 5; src++) {
		for (unsigned k = 0; k < 6; k++) {
			unsigned port = k < 5 ? k : 60000;

			for (unsigned flags = 0; flags < 4; flags++) {
				link_layer(&f, tags, id, six ? 0x86dd : 0x0800);
				network(&f, six, how, src, 6, 20);
				put(&f, 1000, 2);
				put(&f, port, 2);
				put(&f, 0, 8);
				put(&f, 0x50, 1);
				put(&f, (flags & 1 ? 2 : 0) | (flags & 2 ? 16 : 0), 1);
				put(&f, 0, 6);
				keep(&f);
			}
			/* UDP, and what only has ports in common with it */
			for (unsigned proto = 17; proto <= 136; proto += 119) {
				link_layer(&f, tags, id, six ? 0x86dd : 0x0800);
				network(&f, six, how, src, proto, 8);
				put(&f, 1000, 2);
				put(&f, port, 2);
				put(&f, 8, 2);
				put(&f, 0, 2);
				keep(&f);
			}
		}
		for (unsigned type = 0; type < 10; type++) {
			/* 0, 3/4, 3/0, 8/0, 8/1 and one that nobody asks for */
			static const unsigned icmp[10] = { 0x0000, 0x0304, 0x0300, 0x0800, 0x0801, 0x0c00, 0x0500, 0x8000, 0x8700, 0x0001 };

			for (unsigned proto = 1; proto <= 58; proto += 57) {
				link_layer(&f, tags, id, six ? 0x86dd : 0x0800);
				network(&f, six, how, src, proto, 8);
				put(&f, icmp[type], 2);
				put(&f, 0, 6);
				keep(&f);
			}
		}
		for (unsigned proto = 253; proto <= 254; proto++) {
			link_layer(&f, tags, id, six ? 0x86dd : 0x0800);
			network(&f, six, how, src, proto, 8);
			put(&f, 0, 8);
			keep(&f);
		}
	}
}

static void all_frames(void)
{
	struct frame f;

	for (unsigned tags = 0; tags <= 2; tags++)
		for (unsigned id = 1; id <= (tags ? 2u : 1u); id++) {
			for (unsigned how = 0; how < HOWS; how++) {
				transports(tags, id, false, (enum how)how);
				transports(tags, id, true, (enum how)how);
			}
			link_layer(&f, tags, id, 0x0806);
			put(&f, 0x0001080006040001, 8);
			put(&f, 0, 4);		/* cut off */
			keep(&f);
			put(&f, 0, 8);
			put(&f, 0, 8);
			keep(&f);
			link_layer(&f, tags, id, 0x88b5);
			keep(&f);
			link_layer(&f, tags, id, 0x0800);
			keep(&f);
			link_layer(&f, tags, id, 0x86dd);
			keep(&f);
			link_layer(&f, tags, id, 0x8100);	/* a tag that is cut off, or a third one */
			keep(&f);
			put(&f, 0, 4);
			keep(&f);
		}
}

#endif
