/*
 * What the pipeline's options are called. In: a name. Out: its number.
 */
#include <string.h>

#include "compile.h"

bool compile_counting(const char *name, enum counting *out)
{
	static const char *const names[] = { [COUNTING_AUTO] = "auto", [COUNTING_AT_ONCE] = "at-once", [COUNTING_DEFERRED] = "deferred" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum counting)i;
			return true;
		}
	return false;
}

bool compile_engine(const char *name, enum classify_engine *out)
{
	static const char *const names[ENGINE_COUNT] = {
		[ENGINE_AUTO] = "auto", [ENGINE_LINEAR] = "linear", [ENGINE_SWITCH] = "switch", [ENGINE_RFC] = "rfc",
		[ENGINE_HYBRID] = "hybrid", [ENGINE_TREE] = "tree",
	};

	for (int i = 0; i < ENGINE_COUNT; i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum classify_engine)i;
			return true;
		}
	return false;
}
