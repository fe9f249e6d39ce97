/*
 * Why the kernel refused a program. In come the verifier's log and what the program says of its rules; out go, to the log callback, file, line and
 * rule that it was at (the last source annotation that is a rule's) and its last lines. The log is the kernel's text, yet treated like any other.
 */
#include <stdio.h>

#include "private.h"

enum { LINES = 12, LINE_MAX_SHOWN = 200, FILE_MAX = 256 };

#define NO_RULE "# "		/* how the text of code begins that belongs to no rule */

/* A line of a rule file, as the verifier names it. */
struct source {
	const char *text;	/* NULL: it named none */
	size_t len;
	char file[FILE_MAX];	/* "": a kernel before 6.10, which does not say */
	unsigned line;
};

/* "drop if tcp.dport == 23 @ edge.xdpf:12" */
static void read_source(struct source *s, const char *text, size_t len)
{
	const char *at = NULL, *colon = NULL;

	*s = (struct source){ text, len, "", 0 };
	for (const char *p = text; p + 3 < text + len; p++)
		if (!strncmp(p, " @ ", 3))
			at = p;
	for (const char *p = at ? at + 3 : text + len; p < text + len; p++)
		if (*p == ':')
			colon = p;
	if (!colon || colon - at - 3 >= FILE_MAX)
		return;
	s->len = (size_t)(at - text);
	s->line = (unsigned)strtoul(colon + 1, NULL, 10);
	snprintf(s->file, sizeof(s->file), "%.*s", (int)(colon - at - 3), at + 3);
}

/* The rule that a line belongs to: the last one that begins there or before; without a line's number the one whose text is in it, the longest. */
static const struct xdpf_rule *find_rule(const struct source *s, const struct xdpf_meta *m)
{
	const struct xdpf_rule *found = NULL;
	size_t longest = 0;
	bool several = false;

	for (size_t i = 0; m && i < m->n_rules; i++) {
		const struct xdpf_rule *r = &m->rules[i];

		if (s->file[0] && !strcmp(r->source, s->file) && r->line <= s->line && (!found || r->line >= found->line))
			found = r;
		if (!s->file[0] && strlen(r->text) >= longest && memmem(s->text, s->len, r->text, strlen(r->text))) {
			several = strlen(r->text) == longest;
			longest = strlen(r->text);
			found = r;
		}
	}
	return several ? NULL : found;
}

static void tell(const struct source *s, bool there, const struct xdpf_meta *m, const struct xdpf_log *log)
{
	const struct xdpf_rule *r = find_rule(s, m);
	int len = (int)(s->len < LINE_MAX_SHOWN ? s->len : LINE_MAX_SHOWN);
	const char *stopped = there ? "the kernel's verifier stopped at" : "the kernel's verifier stopped behind";

	if (s->file[0] || r)
		rt_log(log, XDPF_LOG_ERROR, "%s:%u: %s %s%s: %.*s", s->file[0] ? s->file : r->source, s->file[0] ? s->line : r->line, stopped,
		       r ? "rule " : "this line", r ? r->shown : "", len, s->text);
	else
		rt_log(log, XDPF_LOG_ERROR, "%s: %.*s", stopped, len, s->text);
}

void rt_verifier_explain(const struct xdpf_log *log, const char *text, const struct xdpf_meta *m)
{
	const char *begin[LINES] = { NULL };
	struct source source = { NULL };
	bool there = true;		/* it was at that line to the end */
	size_t n = 0;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");

		/* "; drop if tcp.dport == 23 @ edge.xdpf:12" */
		if (len > 2 && p[0] == ';' && p[1] == ' ') {
			there = strncmp(p + 2, NO_RULE, strlen(NO_RULE)) != 0;
			if (there)
				read_source(&source, p + 2, len - 2);
		}
		if (len && strncmp(p, "processed ", 10) && strncmp(p, "verification time", 17))
			begin[n++ % LINES] = p;
		p += len + (p[len] == '\n');
	}
	if (source.text)
		tell(&source, there, m, log);
	for (size_t i = n > LINES ? n - LINES : 0; i < n; i++) {
		const char *p = begin[i % LINES];
		size_t len = strcspn(p, "\n");

		rt_log(log, XDPF_LOG_ERROR, "    %.*s", (int)(len < LINE_MAX_SHOWN ? len : LINE_MAX_SHOWN), p);
	}
}
