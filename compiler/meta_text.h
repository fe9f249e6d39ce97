/*
 * JSON text that is written piece by piece: of what there is a hundred thousand times no tree is made.
 */
#ifndef XDPF_META_TEXT_H
#define XDPF_META_TEXT_H

#include <jansson.h>

#include "meta.h"

/* All zeros to begin with. Where memory is out, .failed is set and nothing more is added. */
struct meta_text {
	char *s;			/* of malloc(), n bytes and a NUL; NULL: nothing is written yet */
	size_t n, cap;
	bool failed;
};

/* As it is. */
void meta_put(struct meta_text *t, const char *s);
void meta_put_number(struct meta_text *t, uint64_t v);
/* In quotes; @s is sound UTF-8. */
void meta_put_string(struct meta_text *t, const char *s);
/* A tree, which is taken over; NULL: memory is out. */
void meta_put_tree(struct meta_text *t, json_t *v);

/* ---- meta.c ---- */

struct ast_operand;

/* What a component of a key is. */
const char *meta_operand_text(struct arena *a, const struct ast_operand *o);

/* ---- meta_rules.c: arrays of the metadata ---- */

/* What a verdict may turn out to be instead, as members behind others; @w NULL: nothing else. */
void meta_put_other(struct meta_text *t, const struct ast_way *w);
/* @v as a member's value. */
void meta_put_verdict(struct meta_text *t, enum verdict v);
void meta_put_rules(struct meta_text *t, const struct ast_program *p);
void meta_put_actions(struct meta_text *t, const struct ast_program *p);
void meta_put_logs(struct meta_text *t, const struct ast_program *p);
void meta_put_limits(struct meta_text *t, const struct ast_program *p);

/* ---- meta_source.c, meta_sha256.c ---- */

enum { META_SHA256 = 65, META_SOURCES = 4 << 20 };	/* digits and a NUL; bytes of all texts together */

/* As a member behind others. */
void meta_put_sources(struct meta_text *t, const struct ast_program *p);
void meta_sha256(char out[META_SHA256], const void *data, size_t n);

/* ---- meta_image.c ---- */

/* As a member's value. */
void meta_put_image(struct meta_text *t, const struct meta_image *im);

/* ---- meta.c ---- */

/* Members of the metadata about what rules share. */
void meta_put_shared(struct meta_text *t, const struct ast_program *p);
/* @index: with that of the file's default. */
void meta_put_file(struct meta_text *t, const struct ast_unit *u, bool index);

#endif
