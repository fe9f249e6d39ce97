/*
 * No engine yet: nothing calls this.
 */
#include "codegen_priv.h"

V cg_classify(struct cg *g, const struct classifier *c, const V *which, const V *hi, const V *lo)
{
	return c && which && hi && lo ? cg_c(g, 0) : NULL;
}
