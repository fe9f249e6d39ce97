/*
 * Errors in the words themselves. In: what the scanner found, or the whole text before it. Out: diagnostics that name the slip and what
 * to write instead. Bytes that are no text are told once for each kind, however many there are.
 */
#include <string.h>

#include "parse_tokens.h"
#include "utf8.h"

/* A kind of defect: where it was first, how often. */
struct defect {
	size_t first, n, len;
};

static void found(struct defect *f, size_t at, size_t len)
{
	if (!f->n++) {
		f->first = at;
		f->len = len;
	}
}

static struct diag *tell(struct parser *c, const struct defect *f, const char *what, const char *remedy)
{
	struct span sp = { c->src, (uint32_t)f->first, (uint32_t)(f->first + f->len) };
	struct diag *d;

	if (f->n > 1)
		d = diag_error(c->d, sp, "%s in the text, and %zu more behind it", what, f->n - 1);
	else
		d = diag_error(c->d, sp, "%s in the text", what);
	d->remedy = remedy;
	return d;
}

bool scan_check_text(struct parser *c)
{
	const char *s = c->src->text;
	size_t n = c->src->len;
	struct defect nul = { 0 }, broken = { 0 }, control = { 0 };
	uint32_t cp = 0;

	for (size_t i = 0; i < n;) {
		unsigned len = 1;

		if (s[i] >= 0x20 && s[i] < 0x7f) {
			i++;
			continue;
		}
		if ((unsigned char)s[i] >= 0x80)
			len = utf8_decode(s + i, n - i, &cp);
		else
			cp = (unsigned char)s[i];
		if (!len)
			found(&broken, i, 1);
		else if (!cp)
			found(&nul, i, 1);
		else if (utf8_is_control(cp) && cp != '\n' && cp != '\t' && !(cp == '\r' && (i + 1 == n || s[i + 1] == '\n')))
			found(&control, i, len);
		i += len ? len : 1;
	}
	if (nul.n)
		tell(c, &nul, "a NUL byte", "is this a rule file? It looks like a binary one, or like UTF-16: save it as UTF-8");
	if (broken.n)
		tell(c, &broken, "a byte that is not UTF-8", "save the file as UTF-8");
	if (control.n)
		tell(c, &control, "a control character", "remove it; it does not show, or changes how the text around it shows");
	return !nul.n;
}

void scan_slip(struct parser *c, struct span sp, const char *instead)
{
	if (diag_full(c->d))
		return;
	diag_error(c->d, sp, "%s is not an operator here", parse_quote(c, sp))->remedy = arena_printf(c->a, "write `%s`", instead);
}

void scan_comment_slip(struct parser *c, struct span sp)
{
	if (diag_full(c->d))
		return;
	if (sp.end > sp.begin + 2)
		sp.end = sp.begin + 2;
	diag_error(c->d, sp, "%s does not begin a comment here", parse_quote(c, sp))->remedy =
		"a comment begins with `#` and ends with its line";
}

void scan_unclosed_comment(struct parser *c, struct span sp)
{
	scan_comment_slip(c, sp);
}

void scan_quote_slip(struct parser *c, struct span sp)
{
	diag_error(c->d, sp, "a string in single quotes")->remedy =
		arena_printf(c->a, "write \"%.*s\"", (int)(sp.end - sp.begin - 2 > 80 ? 80 : sp.end - sp.begin - 2),
			     c->src->text + sp.begin + 1);
}

void scan_sigil_slip(struct parser *c, struct span sp)
{
	if (diag_full(c->d))
		return;
	diag_error(c->d, sp, "%s does not belong before a name", parse_quote(c, sp))->remedy =
		"names of `let` and `set` are used as they are";
}

void scan_unterminated(struct parser *c, struct span sp)
{
	/* The caret marks the quote, not the rest of the line. */
	sp.end = sp.begin + 1;
	diag_error(c->d, sp, "the string that begins here does not end on this line")->remedy = "close it with `\"`";
	/* The statement's `;` is most likely in it. */
	c->tokens->here = true;
}

static bool starts(struct parser *c, struct span sp, const char *with)
{
	return sp.end - sp.begin >= strlen(with) && memcmp(c->src->text + sp.begin, with, strlen(with)) == 0;
}

/* What stands right before and behind @sp, as a range. */
static const char *as_range(struct parser *c, struct span sp)
{
	static const char word[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:.";
	enum { MAX = 60 };
	const char *s = c->src->text, *end = s + sp.end;
	uint32_t begin = sp.begin;
	size_t len = strspn(end, word);

	while (begin && s[begin - 1] && strchr(word, s[begin - 1]))
		begin--;
	if (begin == sp.begin || !len || sp.begin - begin > MAX || len > MAX)
		return "a range is written with `-`: 22-80";
	return arena_printf(c->a, "a range is written with `-`: %.*s-%.*s", (int)(sp.begin - begin), s + begin, (int)len, end);
}

bool scan_bad_char(struct parser *c, struct span sp)
{
	uint32_t cp = 0;
	unsigned len = utf8_decode(c->src->text + sp.begin, sp.end - sp.begin, &cp);
	struct diag *d;

	if (!len || utf8_is_control(cp))
		return false;
	if (sp.end - sp.begin > len)
		d = diag_error(c->d, sp, "unexpected characters %s", parse_quote(c, sp));
	else
		d = diag_error(c->d, sp, "unexpected character %s", parse_quote(c, sp));
	if (starts(c, sp, "\u00a0") || starts(c, sp, "\u202f") || starts(c, sp, "\u3000"))
		d->remedy = "this is a no-break space; write an ordinary blank";
	else if (starts(c, sp, "\u201c") || starts(c, sp, "\u201d") || starts(c, sp, "\u201e") || starts(c, sp, "\u00ab"))
		d->remedy = "strings stand between straight quotes: \"…\"";
	else if (starts(c, sp, "\u2013") || starts(c, sp, "\u2014") || starts(c, sp, "\u2212"))
		d->remedy = "this is a dash; a range is written with `-`";
	else if (starts(c, sp, "\u2260"))
		d->remedy = "write `!=`";
	else if (starts(c, sp, "\u2264") || starts(c, sp, "\u2265"))
		d->remedy = "write `<=` or `>=`";
	else if (starts(c, sp, ".."))
		d->remedy = as_range(c, sp);
	else if (starts(c, sp, "."))
		d->remedy = "a dot stands only inside a field's name or an address; an interface's name with a dot needs quotes";
	else if (starts(c, sp, "\\"))
		d->remedy = "statements go on over lines by themselves, up to their `;`";
	else if (len > 1)
		d->remedy = "names are made of the letters a to z, digits, `_` and `-`; other characters only stand in strings and comments";
	return true;
}

void scan_bad_word(struct parser *c, struct span sp)
{
	const char *s = c->src->text + sp.begin, *colon = memchr(s, ':', sp.end - sp.begin);
	const char *q = parse_quote(c, sp);
	bool ascii = true;

	for (uint32_t i = 0; i < sp.end - sp.begin; i++)
		ascii = ascii && (unsigned char)s[i] < 0x80;
	if (!ascii)
		diag_error(c->d, sp, "%s: a name has letters that are not ASCII", q)->remedy =
			"names are made of the letters a to z, digits, `_` and `-`; other characters only stand in strings and comments";
	else if (sp.end - sp.begin > NAME_MAX_LEN && !colon && (*s < '0' || *s > '9'))
		diag_error(c->d, sp, "the name %s is longer than %d characters", q, NAME_MAX_LEN)->remedy = "shorten it";
	else if (*s == '_')
		diag_error(c->d, sp, "%s: a name begins with a letter", q)->remedy = "names are letters, digits, `_` and `-`";
	else if (colon && (*s < '0' || *s > '9') && colon > s && colon[1] != ':')
		diag_error(c->d, sp, "%s is neither an address nor bytes", q)->remedy =
			arena_printf(c->a, "a label's colon is followed by a blank: `%.*s: …`", (int)(colon - s > 60 ? 60 : colon - s), s);
	else if (colon)
		diag_error(c->d, sp, "%s is neither an address, a MAC nor bytes", q)->remedy =
			"these are hexadecimal digits between colons: 2001:db8::1, 02:00:00:00:00:01, ff:00:1a";
	else if (s[0] == '0' && (s[1] | 32) == 'x')
		diag_error(c->d, sp, "%s is not a hexadecimal number", q)->remedy = "write it like 0x1f";
	else if (c->tokens->last.kind == TOK_RANDOM)
		diag_error(c->d, sp, "%s is no share", q)->remedy = "how many of them is said in percent: random 0.5%";
	else if (c->tokens->last.kind == TOK_OVER || c->tokens->last.kind == TOK_WITHIN)
		diag_error(c->d, sp, "%s is no rate", q)->remedy = "a rate is a whole number: 30/m where 0.5/s is meant, 1500/s or 1.5k/s";
	else if (c->tokens->last.kind == TOK_LOG)
		diag_error(c->d, sp, "%s is no number of packets", q)->remedy = "a log's pace is a whole number: 30/m where 0.5/s is meant";
	else if (memchr(s, '.', sp.end - sp.begin))
		diag_error(c->d, sp, "%s is neither a number nor an IPv4 address", q)->remedy =
			"an address has four numbers, 192.0.2.1; a prefix too: 192.0.2.0/24";
	else
		diag_error(c->d, sp, "%s is not a number", q)->remedy = "a name begins with a letter, a number has its unit at the end: 10k, 64KiB";
}
