/*
 * What the checker says can never be true must not be true of any packet, and what it says always is must be. Random conditions, judged
 * by the evaluator over the frames of the captures.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "ast.h"
#include "eval.h"

static const char *const atoms[] = {
	"tcp", "udp", "icmp", "icmp6", "ip", "ip4", "ip6", "arp", "l4", "vlan", "vlan.inner", "frag", "hbh", "esp", "gre", "igmp", "sctp",
	"udplite", "dccp", "malformed", "ip.fragment", "ip.fragment.first", "ip4.df", "tcp.syn", "tcp.ack", "tcp.syn == 0", "dccp.x",
	"tcp.dport == 80", "tcp.dport != 80", "tcp.dport in 1-1000", "udp.dport == 53", "udp.sport > 1023", "l4.dport == 53", "l4.sport > 1024",
	"tcp.sport < 1025", "ip.proto == udp", "ip.proto != tcp", "ip.proto in { tcp, udp }", "ip6.nexthdr == tcp", "ip.version == 4",
	"eth.type == ip4", "eth.type != ip4", "eth.type == ip6", "eth.type in { arp, ip6 }", "eth.dst == ff:ff:ff:ff:ff:ff",
	"ip.src in { 10.0.0.0/8, 192.168.0.0/16 }", "ip.src in fe80::/10", "ip.src not in 10.0.0.0/8", "ip.dst in { ::/1, 192.0.2.0/24 }",
	"ip4.src in 10.0.0.0/9", "ip4.src & 255.0.0.0 == 10.0.0.0", "ip.src in nets", "ip.src not in nets", "ip.ttl < 64", "ip.ttl >= 64",
	"ip.ttl == 255", "pkt.len > 100", "pkt.len <= 100", "payload.len > 0", "payload[0:1] == 0", "payload[0:1] != 0",
	"payload[0:9] == 00:00:00:00:00:00:00:00:00", "tcp.flags & (syn|ack) == syn", "tcp.flags == syn", "icmp.type == echo-request",
	"icmp.id == 1", "icmp.id != 1", "icmp6.type == 135", "icmp6.target in fe80::/10", "arp.op == request", "arp.spa in 10.0.0.0/8",
	"igmp.type == 0x11", "gre.key == 1", "esp.spi == 0", "dccp.seq > 5", "l4.checksum == 0", "l4.checksum != 0", "vlan.id < 100",
	"vlan.id >= 100", "(ip.src, tcp.dport) in { (10.0.0.0/8, 1-1024) }", "iface == eth0", "iface != eth0", "iface in { eth1, eth0 }",
	"rxqueue == 0", "rxqueue != 0", "socket", "not socket", "socket", "weekday == sun", "weekday != sun", "time 08:00-18:00",
	"not time 22:00-09:00",
};

static struct {
	uint8_t *data;
	size_t len;
} frames[4000];
static size_t n_frames;
static uint64_t seed = 1;

static unsigned pick(size_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((seed >> 33) % n);
}

static int read_captures(void **state)
{
	enum { FRAMES_EACH = 40 };
	glob_t g;

	(void)state;
	if (glob(CAPTURES "/*.pcap", 0, NULL, &g))
		return -1;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char err[PCAP_ERRBUF_SIZE];
		pcap_t *p = pcap_open_offline(g.gl_pathv[i], err);
		struct pcap_pkthdr *h;
		const u_char *data;

		if (!p)
			return -1;
		for (int n = 0; n < FRAMES_EACH && n_frames < sizeof(frames) / sizeof(frames[0]) && pcap_next_ex(p, &h, &data) == 1; n++) {
			frames[n_frames].data = malloc(h->caplen + 1);
			memcpy(frames[n_frames].data, data, h->caplen);
			frames[n_frames++].len = h->caplen;
		}
		pcap_close(p);
	}
	globfree(&g);
	return n_frames ? 0 : -1;
}

static int free_captures(void **state)
{
	(void)state;
	while (n_frames)
		free(frames[--n_frames].data);
	return 0;
}

static void write_cond(FILE *out, unsigned depth)
{
	unsigned kind = depth > 3 ? 0 : pick(5), n = 2 + pick(3);

	if (kind <= 1) {
		fputs(atoms[pick(sizeof(atoms) / sizeof(atoms[0]))], out);
		return;
	}
	fputs(kind == 2 ? "not (" : "(", out);
	for (unsigned i = 0; i < (kind == 2 ? 1 : n); i++) {
		if (i)
			fputs(kind == 3 ? " and " : " or ", out);
		write_cond(out, depth + 1);
	}
	fputs(")", out);
}

/* Rules by index: 0 if, 1 its block, 2 else if, 3 its block, 4 the last block. */
static char *write_rules(size_t *len)
{
	static const char *const parts[] = { "if ", " { count a if ", "; } else if ", " { count b if ", "; } else { count c if ", "; }\n" };
	char *text;
	FILE *out = open_memstream(&text, len);

	assert_non_null(out);
	fputs("set nets : net = { 10.0.0.0/8, 172.16.0.0/12, fe80::/10 };\n", out);
	for (int i = 0; i < 5; i++) {
		fputs(parts[i], out);
		write_cond(out, 1 + (i > 0));
	}
	fputs(parts[5], out);
	fclose(out);
	return text;
}

static const struct ast_rule *rule_at(const struct ast_program *p, struct span sp)
{
	const struct ast_rule *found = NULL;

	for (size_t i = 0; i < p->by_index.n; i++) {
		const struct ast_rule *r = p->by_index.v[i];

		if (r && r->span.begin <= sp.begin && sp.end <= r->span.end && (!found || r->span.begin >= found->span.begin))
			found = r;
	}
	return found;
}

static void run_frames(struct eval *e)
{
	static const char *const iface[] = { NULL, "eth0", "eth1" };

	for (size_t i = 0; i < n_frames; i++)
		for (unsigned k = 0; k < 3; k++) {
			struct eval_packet pkt = { .data = frames[i].data, .len = frames[i].len, .iface = iface[k] };

			pkt.socket = (i + k) % 2;
			pkt.now = (i * 37 + k) * 3600000000000;
			pkt.has_rxqueue = k > 0;
			pkt.rxqueue = k - 1;
			eval_run(e, &pkt);
		}
}

/* One claim: the rules from @first to @last, indexes, matched nothing. */
static void check_claim(const struct eval *e, const struct diag *d, const char *text, unsigned first, unsigned last)
{
	for (unsigned i = first; i <= last; i++)
		if (eval_rule_count(e, i).packets)
			fail_msg("%s\nbut a frame matched rule %u of\n%s", d->text, i, text);
}

static unsigned check_rules(const char *text, size_t len)
{
	struct arena *a = arena_new();
	struct diag_list d = { .arena = a };
	struct ast_program p = { .arena = a };
	unsigned claims = 0;
	struct eval *e;

	assert_true(parse_unit(&p, source_new(a, "random.xdpf", text, len), &d));
	sema_check(&p, &d);
	if (d.list.n) {
		e = eval_new(&p);
		assert_non_null(e);
		run_frames(e);
		for (size_t i = 0; i < d.list.n; i++) {
			const struct diag *g = &d.list.v[i];
			const struct ast_rule *r = rule_at(&p, g->span);

			if (strstr(g->text, "is never used"))
				continue;
			assert_non_null(r);
			claims++;
			if (strstr(g->text, "can never be true"))
				check_claim(e, g, text, r->index, r->index);
			else if (strstr(g->text, "is always true here"))
				check_claim(e, g, text, r->index + 2, 4);
			else
				fail_msg("unexpected: %s", g->text);
		}
		eval_free(e);
	}
	arena_free(a);
	return claims;
}

static void test_random(void **state)
{
	unsigned claims = 0;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		size_t len;
		char *text = write_rules(&len);

		claims += check_rules(text, len);
		free(text);
	}
	/* Else it says nothing about anything. */
	assert_true(claims > 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, read_captures, free_captures);
}
