/*
 * A fuzzer's function without libFuzzer, for compilers that have none: what is kept is run again, then as many inputs that are made from it, by
 * chance that begins with a number. In: files of inputs, NAME.hex with one on each line in hexadecimal digits, any other as it is. Out: how many ran.
 *
 * usage: DRIVER N SEED FILE...
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 18, INPUTS = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) __attribute__((weak));

static struct {
	uint8_t *data;
	size_t size;
} input[INPUTS];
static size_t n_inputs;
static uint64_t state;

static uint64_t chance(uint64_t most)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % most;
}

/* One change. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	static const uint8_t edge[] = { 0, 1, 0x7f, 0x80, 0xff, '0', ';', '{', '"' };
	size_t at = size ? chance(size) : 0, other = n_inputs ? chance(n_inputs) : 0, from, len;

	switch (size ? chance(6) : 4) {
	case 0:
		data[at] ^= (uint8_t)(1u << chance(8));
		return size;
	case 1:
		data[at] = edge[chance(sizeof(edge))];
		return size;
	case 2:
		return size > 1 ? at + 1 : size;	/* cut off */
	case 3:
		len = 1 + chance(size - at);
		memmove(data + at, data + at + len, size - at - len);
		return size - len;
	case 4:						/* a piece of another one, put in */
		if (!n_inputs || !input[other].size)
			return size;
		from = chance(input[other].size);
		len = 1 + chance(input[other].size - from < 64 ? input[other].size - from : 64);
		if (size + len > max_size)
			return size;
		memmove(data + at + len, data + at, size - at);
		memcpy(data + at, input[other].data + from, len);
		return size + len;
	default:					/* or over it */
		if (!n_inputs || !input[other].size)
			return size;
		from = chance(input[other].size);
		len = input[other].size - from < size - at ? input[other].size - from : size - at;
		memcpy(data + at, input[other].data + from, len);
		return size;
	}
}

static void keep(const uint8_t *data, size_t size)
{
	if (n_inputs == INPUTS || size > MOST)
		return;
	input[n_inputs].data = malloc(size ? size : 1);
	if (!input[n_inputs].data)
		exit(2);
	memcpy(input[n_inputs].data, data, size);
	input[n_inputs++].size = size;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_file(const char *path)
{
	static char text[8 << 20];
	static uint8_t bytes[sizeof(text) / 2];
	FILE *f = fopen(path, "rb");
	const char *dot = strrchr(path, '.');
	size_t n, len = 0;

	if (!f)
		return false;
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (!dot || strcmp(dot, ".hex") != 0) {
		keep((const uint8_t *)text, n);
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n') {
			keep(bytes, len);
			len = 0;
		} else if (i + 1 < n && digit(text[i]) >= 0 && digit(text[i + 1]) >= 0) {
			bytes[len++] = (uint8_t)(digit(text[i]) << 4 | digit(text[i + 1]));
			i++;
		} else {
			return false;
		}
	}
	return true;
}

/* In a block of exactly its size: what reads behind it is caught. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		exit(2);
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

int main(int argc, char **argv)
{
	static uint8_t work[MOST];
	unsigned long n = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;

	if (argc < 4) {
		fprintf(stderr, "usage: %s N SEED FILE...\n", argv[0]);
		return 2;
	}
	state = strtoull(argv[2], NULL, 10);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 3; i < argc; i++)
		if (!read_file(argv[i])) {
			fprintf(stderr, "%s cannot be read\n", argv[i]);
			return 2;
		}
	if (!n_inputs)
		return 2;
	for (size_t i = 0; i < n_inputs; i++)
		run(input[i].data, input[i].size);
	for (unsigned long i = 0; i < n; i++) {
		size_t from = chance(n_inputs), size = input[from].size;

		memcpy(work, input[from].data, size);
		for (uint64_t k = 1 + chance(4); k > 0; k--)
			size = LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(work, size, MOST, (unsigned)chance(1u << 31)) :
							 LLVMFuzzerMutate(work, size, MOST);
		run(work, size);
	}
	printf("%lu passed, 0 failed, 0 skipped\n", (unsigned long)n_inputs + n);
	return 0;
}
