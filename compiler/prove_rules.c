/*
 * The original's rules, into the kernel. In: the source that was translated. Out: its own tool has read the part of it that was.
 */
#include "prove_net.h"

#include <string.h>

/* The lines from `*TABLE` to its COMMIT: other tables would judge, too. */
static bool restore(const struct prove *pr, const char *tool, char *why)
{
	const char *const argv[] = { tool, NULL };
	const char *table = pr->im->table, *p = pr->im->src->text, *end;
	size_t n = strlen(table);

	while (!(p[0] == '*' && strncmp(p + 1, table, n) == 0 && strchr("\r\n", p[1 + n]))) {
		p = strchr(p, '\n');
		if (!p) {
			snprintf(why, PROVE_WHY, "there is no table %s", table);
			return false;
		}
		p++;
	}
	end = strstr(p, "\nCOMMIT");
	if (!end) {
		snprintf(why, PROVE_WHY, "table %s has no COMMIT", table);
		return false;
	}
	return prove_run(argv, arena_printf(pr->arena, "%.*s\nCOMMIT\n", (int)(end - p), p), (size_t)(end - p) + 8, NULL, why);
}

/* The one over nftables where it is installed: it is what distributions have by default. */
static const char *tool(const char *first, const char *second)
{
	const char *const argv[] = { first, "--version", NULL };
	char ignored[PROVE_WHY];

	return prove_run(argv, "", 0, NULL, ignored) ? first : second;
}

bool prove_rules(const struct prove *pr, char *why)
{
	static const char *const nft[] = { "nft", "-j", "-f", "-", NULL };
	static const char *const ipset[] = { "ipset", "restore", NULL };
	const struct source *sets = pr->im->o.ipset;

	if (sets && !prove_run(ipset, sets->text, sets->len, NULL, why))
		return false;
	switch (import_kinds[pr->im->kind].original) {
	case ORIGINAL_IPTABLES:
		return restore(pr, tool("iptables-nft-restore", "iptables-restore"), why);
	case ORIGINAL_IP6TABLES:
		return restore(pr, tool("ip6tables-nft-restore", "ip6tables-restore"), why);
	case ORIGINAL_NFT:
		return prove_run(nft, pr->im->original ? pr->im->original : "", pr->im->original ? strlen(pr->im->original) : 0, NULL, why);
	case ORIGINAL_NONE:
	case ORIGINAL_PCAP:
		break;
	}
	snprintf(why, PROVE_WHY, "nothing runs this");
	return false;
}
