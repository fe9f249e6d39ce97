/*
 * The grammar of .xdpf. In: the tokens of parse_tokens.c. Out: calls of constructors, each of which makes one node. No names are looked
 * up here and no types are known: fields and protocols are names.
 *
 * After an error parse_tokens.c looks for the place to go on at, and hands out the `;` or `{` that the rules with `error` wait for.
 */
%require "3.8"
%expect 0
%define api.pure full
%define api.prefix {parse_}
%define api.token.prefix {TOK_}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%locations
%param { struct parser *c }

%code requires {
#include "parse.h"
}

%union {
	struct ast_name name;
	struct parse_num num;
	bool ok;
	enum ast_cmp cmp;
	struct ast_value *value;
	struct ast_log *log;
	struct ast_operand *operand;
	struct parse_operands *operands;
	struct ast_expr *expr;
	struct ast_action *action;
	struct ast_way *way;
	struct parse_actions *actions;
	struct parse_chain *chain;
	struct ast_rule *rule;
	struct ast_rules *rules;
	struct parse_names *names;
	struct ast_limit *limit;
	struct parse_assigns *assigns;
	struct ast_frame *frame;
	struct ast_step *step;
	struct parse_steps *steps;
	struct ast_set *set;
}

%code {
int parse_lex(PARSE_STYPE *val, struct span *at, struct parser *c);
static void parse_error(const struct span *at, struct parser *c, const char *text);

#define YYLLOC_DEFAULT(Cur, Rhs, N) \
	((Cur) = (struct span){ c->src, (N) ? YYRHSLOC(Rhs, 1).begin : YYRHSLOC(Rhs, 0).end, YYRHSLOC(Rhs, N).end })
#define JOIN(A, B) ((struct span){ (A).src, (A).begin, (B).end })
}

%token <name> TARGET "a field to write"
%token <name> LABEL "a label" NAME "a name" QTY "a quantity" STRING "a string" ADDR4 "an IPv4 address" COLONS "an address or bytes"
%token <num> NUM "a number"

/* Words of the core. */
%token <name> ABORT "abort" AND "and" COUNT "count" DEFAULT "default" DROP "drop" ELSE "else" IF "if" IN "in" INCLUDE "include" LET "let"
%token <name> NOT "not" OPTION "option" OR "or" PACKET "packet" PASS "pass" PER "per" SET "set" TX "tx" VLAN "vlan"
/* Words of limits, of sets that live, of other actions and verdicts, and of tests; those that are also known values may stand as such. */
%token <name> ADD "add" AFTER "after" BURST "burst" BY "by" CLOSED "closed" EXPECT "expect" FOR "for" FORWARD "forward" FROM "from"
%token <name> FULL "full" LIMIT "limit" LIVE "live" LOG "log" MARK "mark" OPEN "open" OVER "over" RANDOM "random" REDIRECT "redirect"
%token <name> REMOVE "remove" REPEAT "repeat" REPLY "reply" SAMPLE "sample" SIZE "size" SYNCOOKIE "syncookie" TEST "test" TIME "time"
%token <name> TIMEOUT "timeout" TO "to" WEEKDAY "weekday" WHEN "when" WITHIN "within"

%token EQ "==" NE "!=" LE "<=" GE ">=" LT "<" GT ">" ASSIGN "=" DECREMENT "-="
%token SEMI ";" COLON ":" COMMA "," LPAREN "(" RPAREN ")" LBRACE "{" RBRACE "}"
%token LBRACKET "[" RBRACKET "]" SLASH "/" AMP "&" DASH "-" BAR "|"

%type <ok> end
%type <name> word set_name header
%type <cmp> cmp
%type <value> atom union mask value values amount
%type <log> log
%type <operand> operand keypart
%type <operands> operands keyparts key
%type <expr> when cond conj unary test
%type <action> action verdict otherwise
%type <way> target
%type <actions> actions
%type <chain> chain
%type <rule> rule body
%type <rules> block rules
%type <names> type names
%type <limit> limit_rate
%type <name> quantity
%type <assigns> assigns
%type <frame> frame
%type <step> step expect
%type <steps> steps
%type <name> outcome assigned
%type <set> set

%%

file: %empty
	| file item
	;

item: INCLUDE STRING end		{ parse_include(c, JOIN(@1, @2), $2); }
	| LET NAME "=" value end	{ build_let(c, JOIN(@1, @4), $2, $4); }
	| LET NAME error ";"		{ yyerrok; tokens_recovered(c); build_lost(c, $2); }
	| SET NAME error ";"		{ yyerrok; tokens_recovered(c); build_lost(c, $2); }
	| SET set_name error ";"	{ yyerrok; tokens_recovered(c); build_lost(c, $2); }
	| SET set_name type set end	{ build_set(c, JOIN(@1, @4), $2, $3, $4, $5); }
	| LIMIT NAME "=" limit_rate end	{ build_limit(c, JOIN(@1, @4), $2, $4); }
	| LIMIT NAME error ";"		{ yyerrok; tokens_recovered(c); build_lost(c, $2); }
	| DEFAULT verdict end		{ build_default(c, JOIN(@1, @2), $2); }
	| OPTION NAME NAME end		{ build_option(c, JOIN(@1, @3), $2, $3); }
	| TEST STRING "{" steps "}"	{ build_test_decl(c, JOIN(@1, @2), $2, $4); }
	| rule				{ build_top_rule(c, $1); }
	| error ";"			{ yyerrok; tokens_recovered(c); }
	;

/* A declaration that is whole stands, whatever follows it. */
end: ";"				{ $$ = true; }
	| error ";"			{ yyerrok; tokens_recovered(c); $$ = false; }
	;

set_name: LABEL
	| NAME ":"
	;

set: %empty				{ $$ = build_set_new(c); }
	| set "=" value			{ $$ = build_set_init(c, @2, $1, $3); }
	| set FROM STRING		{ $$ = build_set_from(c, JOIN(@2, @3), $1, $3); }
	| set LIVE			{ $$ = build_set_live(c, @2, $1); }
	| set SIZE amount		{ $$ = build_set_size(c, JOIN(@2, @3), $1, $3); }
	| set TIMEOUT amount		{ $$ = build_set_timeout(c, JOIN(@2, @3), $1, $3); }
	;

type: NAME				{ $$ = build_names(c, NULL, $1); }
	| "(" names ")"			{ $$ = $2; }
	;

names: NAME				{ $$ = build_names(c, NULL, $1); }
	| names "," NAME		{ $$ = build_names(c, $1, $3); }
	;

/* ---- rules ---- */

rule: LABEL body			{ $$ = build_label($1, $2); }
	| body
	;

body: actions ";"			{ $$ = build_rule(c, @1, $1, NULL); }
	| actions IF when end		{ $$ = build_rule(c, JOIN(@1, @3), $1, $3); }
	| chain				{ $$ = $1->first; }
	| chain ELSE block		{ $$ = build_else($1, $3); }
	| chain ELSE bad_end		{ $$ = $1->first; }
	| bad_end			{ $$ = NULL; }
	;

chain: IF when block			{ $$ = build_if(c, JOIN(@1, @2), $2, $3); }
	| bad_if rules "}"		{ $$ = build_if(c, @1, build_unknown(c, @1), $2); }
	| chain ELSE IF when block	{ $$ = build_else_if(c, $1, JOIN(@3, @4), $4, $5); }
	| chain ELSE bad_if rules "}"	{ $$ = build_else_if(c, $1, @3, build_unknown(c, @3), $4); }
	;

/* The block behind a condition that was not understood is read all the same. */
bad_if: IF error "{"			{ yyerrok; tokens_recovered(c); @$ = @1; }
	;

bad_end: IF error ";"			{ yyerrok; tokens_recovered(c); }
	;

block: "{" rules "}"			{ $$ = $2; }
	;

rules: %empty				{ $$ = build_rules(c, NULL, NULL); }
	| rules rule			{ $$ = build_rules(c, $1, $2); }
	| rules error ";"		{ yyerrok; tokens_recovered(c); $$ = $1; }
	;

/* ---- actions ---- */

actions: action				{ $$ = build_actions(c, NULL, $1); }
	| actions "," action		{ $$ = build_actions(c, $1, $3); }
	;

action: verdict
	| COUNT NAME			{ $$ = build_count(c, @$, $2, NULL); }
	| COUNT NAME PER key		{ $$ = build_count(c, @$, $2, $4); }
	| TARGET "=" value		{ $$ = build_rewrite(c, @$, build_operand(c, @1, $1), $3, false); }
	| TARGET "-=" value		{ $$ = build_rewrite(c, @$, build_operand(c, @1, $1), $3, true); }
	| VLAN NAME			{ $$ = build_vlan(c, @$, $2, NULL); }
	| VLAN NAME atom		{ $$ = build_vlan(c, @$, $2, $3); }
	| MARK atom			{ $$ = build_mark(c, @$, $1, $2); }
	| log				{ $$ = build_log_action(c, @$, $1); }
	| ADD key TO NAME		{ $$ = build_set_action(c, @$, ACTION_ADD, $2, $4, NULL); }
	| ADD key TO NAME FOR amount	{ $$ = build_set_action(c, @$, ACTION_ADD, $2, $4, $6); }
	| REMOVE key FROM NAME		{ $$ = build_set_action(c, @$, ACTION_REMOVE, $2, $4, NULL); }
	;

log: LOG				{ $$ = build_log(c, false, NULL, (struct ast_name){ 0 }); }
	| LOG amount "/" NAME		{ $$ = build_log(c, false, $2, $4); }
	| SAMPLE NUM "/" amount		{ $$ = build_sample(c, @2, $2, $4); }
	;

amount: NUM				{ $$ = build_int(c, @$, $1); }
	| QTY				{ $$ = build_value(c, AST_QTY, $1); }
	;

verdict: PASS				{ $$ = build_verdict(c, @$, $1, (struct ast_name){ 0 }); }
	| DROP				{ $$ = build_verdict(c, @$, $1, (struct ast_name){ 0 }); }
	| ABORT				{ $$ = build_verdict(c, @$, $1, (struct ast_name){ 0 }); }
	| TX				{ $$ = build_verdict(c, @$, $1, (struct ast_name){ 0 }); }
	| TX NAME			{ $$ = build_verdict(c, @$, $1, $2); }
	| REDIRECT target otherwise	{ $$ = build_way(c, @$, $1, $2, $3); }
	| FORWARD otherwise		{ $$ = build_way(c, @$, $1, build_target(c, NULL), $2); }
	| REPLY NAME			{ $$ = build_reply(c, @$, $1, $2); }
	| SYNCOOKIE			{ $$ = build_way(c, @$, $1, build_target(c, NULL), NULL); }
	;

target: value				{ $$ = build_target(c, $1); }
	| NAME NUM			{ $$ = build_numbered(c, $1, $2); }
	;

otherwise: %empty			{ $$ = NULL; }
	| ELSE verdict			{ $$ = $2; }
	;

key: keypart				{ $$ = build_operands(c, NULL, $1); }
	| "(" keyparts ")"		{ $$ = $2; }
	;

keyparts: keypart			{ $$ = build_operands(c, NULL, $1); }
	| keyparts "," keypart		{ $$ = build_operands(c, $1, $3); }
	;

keypart: operand
	| operand "/" NUM		{ $$ = build_prefixed(@$, $1, $3); }
	| operand "/" NUM "/" NUM	{ $$ = build_prefixed(@$, build_prefixed(@$, $1, $3), $5); }
	;

/* ---- conditions ---- */

when: cond
	| when OVER NAME		{ $$ = build_limited(c, @$, $1, true, JOIN(@2, @3), $3, NULL); }
	| when WITHIN NAME		{ $$ = build_limited(c, @$, $1, false, JOIN(@2, @3), $3, NULL); }
	| when OVER limit_rate		{ $$ = build_limited(c, @$, $1, true, JOIN(@2, @3), (struct ast_name){ 0 }, $3); }
	| when WITHIN limit_rate	{ $$ = build_limited(c, @$, $1, false, JOIN(@2, @3), (struct ast_name){ 0 }, $3); }
	;

limit_rate: quantity "/" NAME		{ $$ = build_rate(c, @$, $1, (struct ast_name){ 0 }, $3); }
	| quantity NAME "/" NAME	{ $$ = build_rate(c, @$, $1, $2, $4); }
	| limit_rate BURST quantity	{ $$ = build_burst(c, @$, $1, $3, (struct ast_name){ 0 }); }
	| limit_rate BURST quantity NAME	{ $$ = build_burst(c, @$, $1, $3, $4); }
	| limit_rate PER key		{ $$ = build_per(c, @$, $1, $3); }
	| limit_rate SIZE quantity	{ $$ = build_size(c, @$, $1, $3); }
	| limit_rate WHEN FULL OPEN	{ $$ = build_when(c, @$, $1, JOIN(@2, @4), false); }
	| limit_rate WHEN FULL CLOSED	{ $$ = build_when(c, @$, $1, JOIN(@2, @4), true); }
	;

quantity: NUM				{ $$ = build_number_text(c, @$); }
	| QTY
	;

cond: conj
	| cond OR conj			{ $$ = build_junction(c, EXPR_OR, @$, $1, $3); }
	;

conj: unary
	| conj AND unary		{ $$ = build_junction(c, EXPR_AND, @$, $1, $3); }
	;

unary: NOT unary			{ $$ = build_not(c, @$, $2); }
	| "(" cond ")"			{ $$ = build_parens(@$, $2); }
	| test
	;

test: operand				{ $$ = build_test(c, $1); }
	| operand cmp value		{ $$ = build_cmp(c, @$, build_operands(c, NULL, $1), NULL, $2, $3); }
	| operand "&" mask cmp value	{ $$ = build_cmp(c, @$, build_operands(c, NULL, $1), $3, $4, $5); }
	| "(" operands ")" IN value	{ $$ = build_cmp(c, @$, $2, NULL, CMP_IN, $5); }
	| "(" operands ")" NOT IN value	{ $$ = build_cmp(c, @$, $2, NULL, CMP_NOT_IN, $6); }
	| RANDOM QTY			{ $$ = build_random(c, @$, $2, (struct ast_name){ 0 }); }
	| RANDOM QTY PER NAME		{ $$ = build_random(c, @$, $2, $4); }
	| TIME value			{ $$ = build_time(c, @$, $1, $2); }
	;

operands: operand "," operand		{ $$ = build_operands(c, build_operands(c, NULL, $1), $3); }
	| operands "," operand		{ $$ = build_operands(c, $1, $3); }
	;

operand: header				{ $$ = build_operand(c, @$, $1); }
	| NAME "[" NUM ":" NUM "]"	{ $$ = build_slice(c, @$, $1, $3, $5); }
	| PACKET "[" NUM ":" NUM "]"	{ $$ = build_slice(c, @$, $1, $3, $5); }
	;

header: NAME
	| VLAN
	| WEEKDAY
	;

cmp: EQ					{ $$ = CMP_EQ; }
	| NE				{ $$ = CMP_NE; }
	| "<"				{ $$ = CMP_LT; }
	| LE				{ $$ = CMP_LE; }
	| ">"				{ $$ = CMP_GT; }
	| GE				{ $$ = CMP_GE; }
	| IN				{ $$ = CMP_IN; }
	| NOT IN			{ $$ = CMP_NOT_IN; }
	| "="				{ $$ = build_cmp_slip(c, @1); }
	;

/* ---- tests ---- */

steps: %empty				{ $$ = build_no_steps(c); }
	| steps step			{ $$ = build_steps(c, $1, $2); }
	| steps error ";"		{ yyerrok; tokens_recovered(c); $$ = build_steps(c, $1, NULL); }
	;

step: frame				{ $$ = build_packet(c, @$, $1); }
	| REPEAT NUM frame		{ $$ = build_repeat(c, @$, @2, $2, $3); }
	| REPEAT QTY frame		{ $$ = build_repeat(c, @$, @2, (struct parse_num){ .overflow = true }, $3); }
	| AFTER amount			{ $$ = build_after(c, @$, $2); }
	| ADD value TO NAME		{ $$ = build_step_set(c, @$, STEP_ADD, $2, $4, NULL); }
	| ADD value TO NAME FOR amount	{ $$ = build_step_set(c, @$, STEP_ADD, $2, $4, $6); }
	| REMOVE value FROM NAME	{ $$ = build_step_set(c, @$, STEP_REMOVE, $2, $4, NULL); }
	| expect
	| expect BY NAME		{ $$ = build_by(@$, $1, $3, false, false); }
	| expect BY STRING		{ $$ = build_by(@$, $1, $3, true, false); }
	| expect BY DEFAULT		{ $$ = build_by(@$, $1, $3, false, true); }
	;

expect: EXPECT outcome			{ $$ = build_expect(c, @$, $2); }
	;

outcome: PASS
	| DROP
	| ABORT
	| TX
	| REDIRECT
	| FORWARD
	| REPLY
	;

frame: PACKET "{" "}"			{ $$ = build_frame(c, @$, NULL); }
	| PACKET "{" assigns "}"	{ $$ = build_frame(c, @$, $3); }
	| PACKET "{" assigns "," "}"	{ $$ = build_frame(c, @$, $3); }
	| PACKET "{" error ";" "}"	{ yyerrok; tokens_recovered(c); $$ = NULL; }
	| PACKET FROM STRING NUM	{ $$ = build_frame_from(c, @$, $3, $4); }
	;

assigns: header				{ $$ = build_assigns(c, NULL, $1, NULL); }
	| assigned "=" value		{ $$ = build_assigns(c, NULL, $1, $3); }
	| assigns "," header		{ $$ = build_assigns(c, $1, $3, NULL); }
	| assigns "," assigned "=" value	{ $$ = build_assigns(c, $1, $3, $5); }
	;

assigned: header
	| TARGET
	;

/* ---- values ---- */

value: union
	| atom "-" atom			{ $$ = build_pair(c, AST_RANGE, @$, $1, $3); }
	| atom "/" NUM			{ $$ = build_prefix(c, @$, $1, $3); }
	| STRING			{ $$ = build_value(c, AST_STRING, $1); }
	| "{" values "}"		{ $$ = build_listed($2, AST_LIST, @$); }
	| "{" values "," "}"		{ $$ = build_listed($2, AST_LIST, @$); }
	| "(" value ")"			{ $$ = $2; }
	| "(" values "," value ")"	{ $$ = build_listed(build_append(c, $2, $4), AST_TUPLE, @$); }
	;

values: value				{ $$ = build_append(c, NULL, $1); }
	| values "," value		{ $$ = build_append(c, $1, $3); }
	;

mask: union
	| "(" union ")"			{ $$ = $2; }
	;

union: atom
	| union "|" atom		{ $$ = build_union(c, @$, $1, $3); }
	;

atom: NUM				{ $$ = build_int(c, @$, $1); }
	| QTY				{ $$ = build_value(c, AST_QTY, $1); }
	| ADDR4				{ $$ = build_value(c, AST_ADDR4, $1); }
	| COLONS			{ $$ = build_value(c, AST_COLONS, $1); }
	| word				{ $$ = build_value(c, AST_WORD, $1); }
	;

/* Keywords that are known values too: icmp.type == redirect. */
word: NAME
	| REDIRECT
	| REPLY
	| TIME
	| VLAN
	;

%%

/* What kind of thing a token is, for messages; 0: not worth mentioning. */
static unsigned want_of(yysymbol_kind_t k)
{
	switch (k) {
	case YYSYMBOL_YYEOF:	return WANT_END;
	case YYSYMBOL_LABEL:	return WANT_STATEMENT;
	case YYSYMBOL_COUNT:	return WANT_ACTION;
	case YYSYMBOL_DROP:	return WANT_VERDICT;
	case YYSYMBOL_IF:	return WANT_IF;
	case YYSYMBOL_LET:	return WANT_DECL;
	case YYSYMBOL_LIVE:	return WANT_LIVE;
	case YYSYMBOL_TO:	return WANT_TO;
	case YYSYMBOL_FROM:	return WANT_TO;
	case YYSYMBOL_NAME:	return WANT_NAME;
	case YYSYMBOL_PACKET:	return WANT_COND;
	case YYSYMBOL_EQ:	return WANT_CMP;
	case YYSYMBOL_IN:	return WANT_IN;
	case YYSYMBOL_AND:	return WANT_AND;
	case YYSYMBOL_OR:	return WANT_OR;
	case YYSYMBOL_ADDR4:	return WANT_VALUE;
	case YYSYMBOL_NUM:	return WANT_NUM;
	case YYSYMBOL_STRING:	return WANT_STRING;
	case YYSYMBOL_PER:	return WANT_PER;
	case YYSYMBOL_ELSE:	return WANT_ELSE;
	case YYSYMBOL_SEMI:	return WANT_SEMI;
	case YYSYMBOL_LBRACE:	return WANT_OPEN;
	case YYSYMBOL_RBRACE:	return WANT_CLOSE;
	case YYSYMBOL_LPAREN:	return WANT_LPAREN;
	case YYSYMBOL_RPAREN:	return WANT_RPAREN;
	case YYSYMBOL_COMMA:	return WANT_COMMA;
	case YYSYMBOL_COLON:	return WANT_COLON;
	case YYSYMBOL_ASSIGN:	return WANT_ASSIGN;
	case YYSYMBOL_LBRACKET:	return WANT_LBRACKET;
	case YYSYMBOL_RBRACKET:	return WANT_RBRACKET;
	case YYSYMBOL_SLASH:	return WANT_SLASH;
	case YYSYMBOL_EXPECT:	return WANT_STEP;
	default:		return 0;
	}
}

static int yyreport_syntax_error(const yypcontext_t *ctx, struct parser *c)
{
	yysymbol_kind_t k[YYNTOKENS];
	int n = yypcontext_expected_tokens(ctx, k, YYNTOKENS);
	unsigned want = 0;

	for (int i = 0; i < n; i++)
		want |= want_of(k[i]);
	parse_report(c, want);
	return 0;
}

/* Only for a stack that is full, which the limits on nesting keep from happening. */
static void parse_error(const struct span *at, struct parser *c, const char *text)
{
	diag_error(c->d, *at, "%s", text)->remedy = "nest less deeply";
}
