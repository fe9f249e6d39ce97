/*
 * Rules as JSON. The same statements as in a rule file's text, as objects: see docs/json.md and grammar/json.def. JSON is made into the
 * text that says the same, which goes the way of all texts; messages about it point at the JSON.
 */
#ifndef XDPF_JSON_H
#define XDPF_JSON_H

#include "diag.h"

/* The rule file that the JSON text @json says, in the canonical layout. NULL: it is wrong, see @d. */
const struct source *json_import(struct arena *a, const struct source *json, struct diag_list *d);
/* The other way: a document of @source, which was parsed without errors. False: memory is out, or it could not be said, a defect here. */
bool json_export(struct arena *a, const struct source *source, FILE *out);
/* What the language's statements, conditions, limits and tests look like in text, one after the other, by the rows of grammar/json.def. Actions and
 * verdicts are in grammar/actions.def. */
void json_forms(void (*row)(void *arg, const char *family, const char *form, const char *doc), void *arg);
/* What documents look like, as JSON Schema. False: out of memory. */
bool json_schema(FILE *out);

#endif
