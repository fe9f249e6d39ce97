/*
 * `log [N/UNIT]` and `sample 1/N`. In: the action as written. Out: the pace or share it stands for, and its places among the program's.
 */
#include "sema.h"

#include <string.h>

enum { NS_PER_S = 1000000000, DEFAULT_PER_S = 10 };

static bool amount(struct sema *s, const struct ast_log *log, uint64_t max, const char *what, uint64_t *out)
{
	const struct ast_value *v = log->many;
	bool ok = v->kind == AST_INT ? !v->overflow : text_quantity(v->text, out) == QTY_PLAIN;
	struct diag *d;

	if (v->kind == AST_INT)
		*out = v->num;
	if (ok && *out >= 1 && *out <= max)
		return true;
	d = diag_error(s->d, v->span, "`%s` is no %s", sema_quote(s, v->span), what);
	d->remedy = arena_printf(s->a, "write a number from 1 to %llu", (unsigned long long)max);
	return false;
}

static bool pace(struct sema *s, struct ast_log *log)
{
	static const struct {
		const char *word;
		uint64_t seconds;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 } };
	uint64_t n = DEFAULT_PER_S, seconds = 1;

	if (log->many) {
		seconds = 0;
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (!strcmp(units[i].word, log->unit.s))
				seconds = units[i].seconds;
		if (!seconds) {
			diag_error(s->d, log->unit.span, "`%s` is no unit of time here", sema_quote(s, log->unit.span))->remedy =
				"a log's pace is N/s, N/m or N/h";
			return false;
		}
		if (!amount(s, log, 1000000, "number of packets", &n))
			return false;
	}
	log->interval = seconds * NS_PER_S / n;
	log->burst = log->interval * (n - 1);
	return true;
}

bool log_check(struct sema *s, struct ast_log *log, const struct ast_rule *r)
{
	uint64_t n;

	if (log->sample) {
		if (!amount(s, log, UINT32_MAX, "number of packets to take one of", &n))
			return false;
		log->share = ((uint64_t)1 << 32) / n;
		log->site = s->p->n_sites++;
	} else if (!pace(s, log)) {
		return false;
	}
	log->rule = r->index;
	log->index = (unsigned)s->p->logs.n;
	*vec_add(s->a, &s->p->logs) = log;
	return true;
}
