/*
 * Why the kernel refused a program. In comes the verifier's log; out go, to the log callback, the rule that it was at (the
 * last source annotation) and its last lines. The log is the kernel's text, yet treated like any other.
 */
#include <stdio.h>

#include "private.h"

enum { LINES = 12, LINE_MAX_SHOWN = 200 };

void rt_verifier_explain(const struct xdpf_log *log, const char *text)
{
	const char *begin[LINES] = { NULL }, *source = NULL;
	size_t n = 0, source_len = 0;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");

		/* "; drop if tcp.dport == 23 @ edge.xdpf:12" */
		if (len > 2 && p[0] == ';' && p[1] == ' ') {
			source = p + 2;
			source_len = len - 2;
		}
		if (len && strncmp(p, "processed ", 10) && strncmp(p, "verification time", 17))
			begin[n++ % LINES] = p;
		p += len + (p[len] == '\n');
	}
	if (source)
		rt_log(log, XDPF_LOG_ERROR, "the kernel's verifier stopped at: %.*s",
		       (int)(source_len < LINE_MAX_SHOWN ? source_len : LINE_MAX_SHOWN), source);
	for (size_t i = n > LINES ? n - LINES : 0; i < n; i++) {
		const char *p = begin[i % LINES];
		size_t len = strcspn(p, "\n");

		rt_log(log, XDPF_LOG_ERROR, "    %.*s", (int)(len < LINE_MAX_SHOWN ? len : LINE_MAX_SHOWN), p);
	}
}
