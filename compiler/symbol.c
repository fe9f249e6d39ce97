/*
 * Names of symbols in the object. In: any text. Out: a C identifier that fits the kernel, and whether it is taken by what every object has.
 */
#include "symbol.h"

#include <string.h>

char *symbol_make(struct arena *a, const char *text, size_t len)
{
	char *s = arena_alloc(a, SYMBOL_MAX + 1);
	size_t n = 0;

	for (size_t i = 0; i < len && n < SYMBOL_MAX; i++) {
		char c = text[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		bool digit = c >= '0' && c <= '9';

		if (digit && !n)
			s[n++] = '_';
		s[n++] = alpha || digit ? c : '_';
	}
	if (!n)
		s[n++] = '_';
	return s;
}

bool symbol_reserved(const char *name)
{
	/* Skeletons made of the object are C: its keywords would not compile there. */
	static const char *const words[] = {
		"auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float",
		"for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof", "static",
		"struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while",
		/* The object's sections have symbols of their own. */
		"license", "_license", "xdp",
	};

	/* Ours, LLVM's, the kernel's, and the functions that search tables: in0_NAME. */
	if (!strncmp(name, "xdpf", 4) || !strncmp(name, "llvm", 4) || !strncmp(name, "bpf_", 4) ||
	    (!strncmp(name, "in", 2) && name[2] >= '0' && name[2] <= '9'))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(name, words[i]))
			return true;
	return false;
}
