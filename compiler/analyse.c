/*
 * The analyses of a file, one after the other. In: a checked program. Out: what was found in each of its files, each file by itself: what is so of
 * all packets is so of those that another file passes on.
 */
#include "analyse_priv.h"

#include <string.h>

#include "utf8.h"

struct finding *file_found(struct file *f, enum finding_kind kind, const struct ast_rule *rule)
{
	struct finding *x = vec_add(f->s->a, &f->out->list);

	x->kind = kind;
	x->unit = f->list->unit;
	x->rule = rule;
	return x;
}

void file_open(struct file *f, const struct ast_rule *rule, const char *why)
{
	file_found(f, FINDING_UNDECIDED, rule)->text = why;
	f->out->undecided++;
}

enum answer file_ask(struct file *f, uint32_t target, size_t first, struct witness *w, size_t *at, struct reason *why)
{
	bool *want = arena_array(f->s->a, f->list->event.n, sizeof(*want));
	struct demand d = { f->list, f->decides, want };
	size_t found[2] = { NO_EVENT, NO_EVENT };
	enum answer r;

	memset(want + first, true, f->list->event.n - first);
	r = ask(f->s, target, &d, 1, w, found, why);
	*at = found[0];
	return r;
}

void witness_tell(struct space *s, struct witness *w)
{
	for (size_t i = 0; i < w->n_free; i++) {
		const struct free_bit *f = &s->free.v[i];
		const struct ast_expr *e = f->expr[0] ? f->expr[0] : f->expr[1];
		const char *text = NULL, *quoted;

		if (!w->known[i] || !e)
			continue;
		quoted = e->span.src ? utf8_line(s->a, e->span.src->text + e->span.begin, e->span.end - e->span.begin, 80, true) : "";
		switch (f->kind) {
		case FREE_LIMIT:
			if (!w->free[i])
				text = "no token is left";
			break;
		case FREE_LIVE:
			text = w->free[i] ? "the set has it" : NULL;
			break;
		case FREE_RANDOM:
			text = !w->thrown ? NULL : w->free[i] ? "the dice fall so" : "the dice do not fall so";
			break;
		case FREE_COOKIE:
			text = w->free[i] ? "it decides" : NULL;
			break;
		case FREE_SOCKET:
		case FREE_GIVEN:
		case FREE_LATER:
		case FREE_UNKNOWN:
			break;
		}
		if (text)
			*vec_add(s->a, &w->assume) = arena_printf(s->a, "`%s`: %s", quoted, text);
	}
}

bool *list_decides(struct space *s, const struct list *l)
{
	bool *decides = arena_array(s->a, l->event.n, sizeof(*decides));

	for (size_t i = 0; i < l->event.n; i++)
		decides[i] = l->event.v[i].decides;
	return decides;
}

void analyse_program(struct arena *a, const struct ast_program *p, const struct analyse_options *o, struct findings *out)
{
	*out = (struct findings){ 0 };
	for (size_t u = 0; u < p->units.n; u++) {
		struct space s;
		struct list list;
		struct file f = { &s, &list, NULL, out };

		space_init(&s, a, o);
		s.scratch = arena_new();
		list_read(&s, 0, p, p->units.v[u], &list);
		f.decides = list_decides(&s, &list);
		/* links_find() asks for these; what is asked for is named in packets */
		space_field(&s, false, FIELD_ICMP6_TYPE);
		space_field(&s, false, FIELD_IP6_HOPLIMIT);
		rules_find(&f);
		limits_find(&f);
		sets_find(&f);
		links_find(&f);
		list_close(&list);
		arena_free(s.scratch);
	}
}
