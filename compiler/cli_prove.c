/* */
#include "cli_import.h"
int cli_prove(struct cli *cli, const struct import *im, const struct ast_program *p) { (void)cli; (void)im; (void)p; return EXIT_DONE; }
