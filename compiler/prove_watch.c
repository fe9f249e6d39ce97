/*
 * Who came to the chain, and who got through. In: where it hangs. Out: two chains of nftables, right before and right behind it, that put the marks
 * of packets into sets; and those sets, read back. What got through goes no further.
 */
#include "prove_net.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const nft[] = { "nft", "-f", "-", NULL };

/* What the kernel itself sends comes to the other ends. */
static bool watch_ip(const struct prove *pr, FILE *f)
{
	const struct import *im = pr->im;

	fprintf(f, "chain before { type filter hook %s priority %d; iifname \"xdpfpeer*\" return; %sadd @came { meta mark } ; }\n", im->hook,
		im->priority - 1,
		im->states ? "ct state != new return; " : "");
	fprintf(f, "chain behind { type filter hook %s priority %d; iifname \"xdpfpeer*\" return; add @seen { meta mark } ; drop ; }\n", im->hook,
		im->priority + 1);
	return true;
}

static bool watch_netdev(const struct prove *pr, FILE *f)
{
	for (size_t i = 0; i < pr->n_ifaces; i++) {
		fprintf(f, "chain before%zu { type filter hook ingress device \"%s\" priority %d; add @came { meta mark } ; }\n", i, pr->iface[i],
			pr->im->priority - 1);
		fprintf(f, "chain behind%zu { type filter hook ingress device \"%s\" priority %d; add @seen { meta mark } ; drop ; }\n", i,
			pr->iface[i],
			pr->im->priority + 1);
	}
	return true;
}

/* Other tables of the file have connections tracked; their rules are not loaded. Nothing goes out here. */
static void track(const struct prove *pr, FILE *f)
{
	const char *const families[] = { pr->im->tracked4 ? "ip" : NULL, pr->im->tracked6 ? "ip6" : NULL };

	for (size_t i = 0; i < 2; i++)
		if (families[i])
			fprintf(f, "table %s xdpf-track {\nchain track { type filter hook output priority 0; ct state new return ; }\n}\n",
				families[i]);
}

bool prove_watch(const struct prove *pr, char *why)
{
	bool netdev = strcmp(pr->im->family, "netdev") == 0, ok;
	char *text = NULL;
	size_t len;
	FILE *f = arena_stream(&text, &len);

	track(pr, f);
	fprintf(f, "table %s xdpf-prove {\n", netdev ? "netdev" : "inet");
	for (unsigned i = 0; i < 2; i++)
		fprintf(f, "set %s { type mark; flags dynamic; size %zu; }\n", i ? "seen" : "came", pr->n + pr->timed.n + 1024);
	ok = netdev ? watch_netdev(pr, f) : watch_ip(pr, f);
	fputs("}\n", f);
	/* nft wants no semicolon before a closing brace that stands on its line. */
	arena_stream_close(f, &text);
	for (char *p = text; ok && (p = strstr(p, " ; ")) != NULL; p++)
		p[1] = '\n';
	ok = ok && prove_run(nft, text, len, NULL, why);
	free(text);
	return ok;
}

/* Elements of the set become @verdict. */
static bool read_set(const struct prove *pr, struct prove_shared *s, const char *name, enum prove_verdict verdict)
{
	const char *const argv[] = { "nft", "-j", "list", "set", strcmp(pr->im->family, "netdev") == 0 ? "netdev" : "inet", "xdpf-prove", name,
				    NULL };
	json_t *root, *all, *one, *elem;
	char *text = NULL;
	size_t i, j;

	if (!prove_run(argv, "", 0, &text, s->why))
		return false;
	root = json_loads(text, 0, NULL);
	free(text);
	all = json_object_get(root, "nftables");
	if (!json_is_array(all)) {
		snprintf(s->why, PROVE_WHY, "nft prints no JSON: it has to be built with it");
		json_decref(root);
		return false;
	}
	json_array_foreach(all, i, one) {
		json_array_foreach(json_object_get(json_object_get(one, "set"), "elem"), j, elem) {
			json_int_t mark = json_integer_value(elem);

			if (mark > 0 && (size_t)mark <= pr->n + pr->timed.n)
				s->verdict[mark - 1] = (uint8_t)verdict;
		}
	}
	json_decref(root);
	return true;
}

/* Who did not come was not seen; who came and was not seen behind the chain was dropped. */
bool prove_watched(const struct prove *pr, struct prove_shared *s)
{
	size_t n = pr->n + pr->timed.n;
	uint8_t *came;
	bool ok;

	memset(s->verdict, PROVE_UNSEEN, n);
	if (!read_set(pr, s, "seen", PROVE_PASSED))
		return false;
	came = arena_array(pr->arena, n + 1, sizeof(*came));
	memcpy(came, s->verdict, n);
	memset(s->verdict, PROVE_UNSEEN, n);
	ok = read_set(pr, s, "came", PROVE_DROPPED);
	for (size_t i = 0; ok && i < n; i++)
		if (came[i] == PROVE_PASSED && s->verdict[i] == PROVE_DROPPED)
			s->verdict[i] = PROVE_PASSED;
	return ok;
}
