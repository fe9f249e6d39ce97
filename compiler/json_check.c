/*
 * Words that JSON strings became, looked at by the scanner that rule files are read with. In: the text, its tokens, and who said which part of
 * it as what. Out: whether each is what it should be, from its first byte to its last: so that nothing that a string says can end a
 * statement, begin another one, or become a comment.
 */
#include <string.h>

#include "json_priv.h"
#include "parse_tokens.h"

static void tell(struct json_put *p, const struct json_word *w, const struct piece *first)
{
	const struct json_sort_info *info = &json_sorts[w->sort];
	const char *s = p->text.v + w->begin;
	size_t len = w->end - w->begin;
	struct diag *d;

	len -= w->sort == SORT_LABEL;
	if (tokens_keyword(s, len) && first->kind >= TOK_ABORT && first->kind <= TOK_WITHIN)
		d = json_error(p, w->node, "%s is a word of the language and cannot be %s", json_quote(p, s, len), info->what);
	else
		d = json_error(p, w->node, "%s is not %s", json_quote(p, s, len), info->what);
	d->remedy = strchr(" \t\r\n", *s) || strchr(" \t\r\n", s[len - 1]) ? "leave out the blanks around it" : info->hint;
}

bool json_check_words(struct json_put *p, const struct pieces *pieces)
{
	const struct piece *v = pieces->piece.v;
	unsigned errors = p->d->errors;
	size_t i = 0;

	for (size_t k = 0; k < p->word.n && !diag_full(p->d); k++) {
		const struct json_word *w = &p->word.v[k];
		size_t end;

		while (v[i].kind != TOK_YYEOF && v[i].span.begin < w->begin)
			i++;
		end = json_sort_end(pieces, i, w->sort);
		if (v[i].span.begin == w->begin && end > i && v[end - 1].span.end == w->end)
			i = end;
		/* A word of the language is only another one behind a string that has been told. */
		else if (w->sort != SORT_WORD || p->d->errors == errors)
			tell(p, w, &v[i]);
	}
	return p->d->errors == errors && v[i].kind == TOK_YYEOF;
}
