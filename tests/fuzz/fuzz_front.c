/*
 * The front end on bytes that nobody chose. In: a rule file's text. Out: nothing; it must not crash, leak, overrun or hang. What the
 * parser makes of the text is dumped, checked, and lowered where the checker accepts it; all diagnostics are rendered.
 */
#include <stdlib.h>
#include <string.h>

#include "ast.h"
#include "ir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	char *text = arena_strndup(a, (const char *)data, size);
	struct source *source = source_new(a, "fuzz.xdpf", text, size);
	struct diag_list diags = { .arena = a };
	struct ast_program program = { .arena = a };
	const struct lower_options options = { .classify = { .max_bytes = 1 << 20 }, .sets = { .most = 1 << 20 } };
	FILE *out = fopen("/dev/null", "w");
	bool good = parse_unit(&program, source, &diags);

	ast_dump(&program, out);
	/* What the parser understood is checked, too, where it did not understand all. */
	good &= sema_check(&program, &diags);
	if (good) {
		struct ir_program *ir = lower_program(&program, &options, &diags);

		if (ir) {
			if (ir_check(ir))
				abort();
			ir_dump(ir, out);
			image_free(&ir->image);
		}
	}
	diag_render(&diags, out, true);
	diag_json(&diags, out);
	fclose(out);
	arena_free(a);
	return 0;
}
