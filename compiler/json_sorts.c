/*
 * What a member may be. In: tokens. Out: whether some of them in a row are a name, a value, a field … as the language writes it: the same
 * question for a text that becomes JSON and for a JSON string that becomes text, where nothing else may hide in it.
 */
#include <string.h>

#include "json_priv.h"
#include "parse_tokens.h"

static const char *const full_words[] = { "open", "closed", NULL };
static const char *const outcome_words[] = { "pass", "drop", "abort", "tx", "redirect", "forward", "reply", NULL };

static const char NAMES[] = "names are letters, digits, `_` and `-`, begin with a letter, and are no words of the language";
static const char VALUES[] =
	"a number, \"10k\", \"192.0.2.0/24\", \"1024-65535\", \"syn|ack\", a name; { \"string\": TEXT } for what stands in quotes";
static const char FIELDS[] = "xdpfc --list=fields prints them; a slice is written \"payload[0:4]\"";

const struct json_sort_info json_sorts[SORT_COUNT] = {
	[SORT_NAME]	= { "name", "a name", NAMES },
	[SORT_LABEL]	= { "label", "a label", "labels are letters, digits, `_` and `-`, and begin with a letter" },
	[SORT_SETNAME]	= { "setname", "a name", NAMES },
	[SORT_STRING]	= { "string", "a string", "it has neither quotes nor control characters in it" },
	[SORT_NUMBER]	= { "number", "a number", NULL, true },
	[SORT_AMOUNT]	= { "amount", "an amount", "a number, or a string: \"10k\", \"30s\"", true },
	[SORT_QUANTITY]	= { "quantity", "a share", "a string: \"0.5%\"" },
	[SORT_ATOM]	= { "atom", "a value", "a number or a name", true },
	[SORT_FIELD]	= { "field", "a field's name", FIELDS },
	[SORT_OPERAND]	= { "operand", "a field or a slice", FIELDS },
	[SORT_KEYPART]	= { NULL, "a part of a key", "a field, a slice, or an address with its prefix lengths: \"ip.src/24/56\"" },
	[SORT_RATE]	= { "rate", "a rate", "as in \"200 packets/s\", \"10Mbit/s\", \"30/m\"" },
	[SORT_BURST]	= { "burst", "an amount", "a number, or a string: \"64KiB\", \"400 packets\"", true },
	[SORT_LOGRATE]	= { "lograte", "a rate", "as in \"10/s\"" },
	[SORT_SHARE]	= { "share", "a share", "as in \"1/1000\"" },
	[SORT_FULL]	= { "full", "what a full table does", NULL, false, full_words },
	[SORT_OUTCOME]	= { "outcome", "a verdict", NULL, false, outcome_words },
	[SORT_SIMPLE]	= { NULL, "a value", VALUES, true },
	[SORT_WORD]	= { NULL, "a word", NULL },
	[SORT_TRUE]	= { "true", "true", NULL },
	[SORT_VALUE]	= { "value", "a value", VALUES },
	[SORT_MASK]	= { "mask", "a mask", NULL },
	[SORT_TYPE]	= { "type", "a type", NULL },
	[SORT_KEY]	= { "key", "a key", NULL },
	[SORT_OPERANDS]	= { "operands", "a field or several", NULL },
	[SORT_BY]	= { "by", "a rule", NULL },
	[SORT_LIMIT]	= { "limit", "a limit", NULL },
	[SORT_LIMITS]	= { "limits", "limits", NULL },
	[SORT_VERDICT]	= { "verdict", "a verdict", NULL },
	[SORT_ACTIONS]	= { "actions", "actions", NULL },
	[SORT_COND]	= { "cond", "a condition", NULL },
	[SORT_AND]	= { "and", "conditions", NULL },
	[SORT_OR]	= { "or", "conditions", NULL },
	[SORT_NOT]	= { "not", "a condition", NULL },
	[SORT_BLOCK]	= { "block", "statements", NULL },
	[SORT_BRANCHES]	= { "branches", "branches", NULL },
	[SORT_STEPS]	= { "steps", "steps", NULL },
	[SORT_FIELDS]	= { "fields", "fields", NULL },
};

bool json_sort_is_word(enum json_sort t)
{
	return t <= SORT_SIMPLE;
}

static int kind(const struct pieces *p, size_t i)
{
	return p->piece.v[i].kind;
}

static bool is_keyword(int k)
{
	return k >= TOK_ABORT && k <= TOK_WITHIN;
}

static bool is_amount(int k)
{
	return k == TOK_NUM || k == TOK_QTY;
}

/* The keywords are those that are known values too. */
static bool is_atom(int k)
{
	return is_amount(k) || k == TOK_ADDR4 || k == TOK_COLONS || k == TOK_NAME || k == TOK_REDIRECT || k == TOK_REPLY || k == TOK_TIME ||
	       k == TOK_VLAN;
}

static bool is_field(int k)
{
	return k == TOK_NAME || k == TOK_VLAN || k == TOK_WEEKDAY;
}

/* Nothing is behind the last piece, which is the end's. */
static size_t value_end(const struct pieces *p, size_t i)
{
	if (!is_atom(kind(p, i)))
		return i;
	switch (kind(p, i + 1)) {
	case TOK_DASH:
		return is_atom(kind(p, i + 2)) ? i + 3 : i + 1;
	case TOK_SLASH:
		return kind(p, i + 2) == TOK_NUM ? i + 3 : i + 1;
	case TOK_BAR:
		for (i++; kind(p, i) == TOK_BAR && is_atom(kind(p, i + 1)); i += 2)
			;
		return i;
	default:
		return i + 1;
	}
}

static size_t operand_end(const struct pieces *p, size_t i)
{
	static const int slice[] = { TOK_LBRACKET, TOK_NUM, TOK_COLON, TOK_NUM, TOK_RBRACKET };

	if (kind(p, i) == TOK_NAME || kind(p, i) == TOK_PACKET) {
		size_t k = 0;

		while (k < 5 && kind(p, i + 1 + k) == slice[k])
			k++;
		if (k == 5)
			return i + 6;
	}
	return i + is_field(kind(p, i));
}

static size_t keypart_end(const struct pieces *p, size_t i)
{
	size_t end = operand_end(p, i);

	for (unsigned n = 0; n < 2 && end > i && kind(p, end) == TOK_SLASH && kind(p, end + 1) == TOK_NUM; n++)
		end += 2;
	return end;
}

/* 200 packets/s, with a unit or without. */
static size_t rate_end(const struct pieces *p, size_t i, bool unit)
{
	size_t at = i + 1;

	if (!is_amount(kind(p, i)))
		return i;
	at += unit && kind(p, at) == TOK_NAME;
	return kind(p, at) == TOK_SLASH && kind(p, at + 1) == TOK_NAME ? at + 2 : i;
}

size_t json_sort_end(const struct pieces *p, size_t i, enum json_sort t)
{
	int k = kind(p, i);

	switch (t) {
	case SORT_NAME:		return i + (k == TOK_NAME);
	case SORT_LABEL:	return i + (k == TOK_LABEL);
	/* With its colon, where that stands right behind it. */
	case SORT_SETNAME:	return i + (k == TOK_NAME || k == TOK_LABEL);
	case SORT_STRING:	return i + (k == TOK_STRING);
	case SORT_NUMBER:	return i + (k == TOK_NUM);
	case SORT_AMOUNT:	return i + is_amount(k);
	case SORT_QUANTITY:	return i + (k == TOK_QTY);
	case SORT_ATOM:		return i + is_atom(k);
	case SORT_FIELD:	return i + is_field(k);
	case SORT_OPERAND:	return operand_end(p, i);
	case SORT_KEYPART:	return keypart_end(p, i);
	case SORT_RATE:		return rate_end(p, i, true);
	case SORT_LOGRATE:	return rate_end(p, i, false);
	case SORT_BURST:	return i + is_amount(k) + (is_amount(k) && kind(p, i + 1) == TOK_NAME);
	case SORT_SHARE:	return k == TOK_NUM && kind(p, i + 1) == TOK_SLASH && is_amount(kind(p, i + 2)) ? i + 3 : i;
	case SORT_FULL:
	case SORT_OUTCOME:	return i + is_keyword(k);
	case SORT_SIMPLE:	return value_end(p, i);
	case SORT_BY:		return i + (k == TOK_NAME || is_keyword(k));
	case SORT_WORD:		return i + (k != TOK_YYEOF);
	case SORT_TRUE: case SORT_VALUE: case SORT_MASK: case SORT_TYPE: case SORT_KEY: case SORT_OPERANDS: case SORT_LIMIT: case SORT_LIMITS:
	case SORT_VERDICT: case SORT_ACTIONS: case SORT_COND: case SORT_AND: case SORT_OR: case SORT_NOT: case SORT_BLOCK: case SORT_BRANCHES:
	case SORT_STEPS: case SORT_FIELDS: case SORT_COUNT:
		break;
	}
	return i;
}

bool json_needs_parens(enum json_sort in, const char *op)
{
	bool or = strcmp(op, "or") == 0, and = strcmp(op, "and") == 0;

	return or || (and && in != SORT_OR);
}
