/*
 * Rules by the builder of libxdpfc: so many `drop if ip4.src == ADDRESS and tcp.dport == PORT`, all different, made call by call and compiled.
 * Prints the seconds on the clock of each step: the calls; the calls and the check; the calls and all up to the object.
 *
 * usage: xdpf_builder_bench [RULES [ROUNDS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xdpfc/builder.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void rule(struct xdpfc_builder *b, uint32_t i)
{
	const struct xdpfc_action *drop = xdpfc_action_verdict(b, "drop");
	/* numbers with nothing in common: an odd factor takes each to another one */
	uint32_t mixed = i * 2654435761U;
	uint8_t address[4] = { (uint8_t)(1 + (mixed >> 24) % 223), (uint8_t)(mixed >> 16), (uint8_t)(mixed >> 8), (uint8_t)mixed };
	const struct xdpfc_expr *both[2];
	char label[16];

	snprintf(label, sizeof(label), "r%u", i);
	both[0] = xdpfc_expr_compare(b, xdpfc_operand_field(b, "ip4.src"), XDPFC_EQ, xdpfc_value_ip(b, address, 4));
	both[1] = xdpfc_expr_compare(b, xdpfc_operand_field(b, "tcp.dport"), XDPFC_EQ, xdpfc_value_number(b, i % 65536));
	xdpfc_builder_rule(b, label, &drop, 1, xdpfc_expr_and(b, both, 2));
}

/* Builds and compiles once. 0, or what the exit status is. */
static int once(uint32_t n, unsigned want, double *built, double *all)
{
	struct xdpfc_builder *b = NULL;
	struct xdpfc_program *p = NULL;
	struct xdpfc_result *r = NULL;
	const char *why = "no memory";
	double begun = now();
	int status = 1;

	if (xdpfc_builder_new(&b) || xdpfc_program_new(&p))
		goto out;
	for (uint32_t i = 0; i < n; i++)
		rule(b, i);
	if (xdpfc_builder_error(b, &why) || xdpfc_program_add_builder(p, "built.xdpf", b))
		goto out;
	*built = now() - begun;
	if (xdpfc_compile(&r, p, want, NULL))
		goto out;
	*all = now() - begun;
	why = xdpfc_result_messages(r);
	status = !xdpfc_result_ok(r);
out:
	if (status)
		fprintf(stderr, "xdpf_builder_bench: %s\n", why);
	xdpfc_result_free(r);
	xdpfc_program_free(p);
	xdpfc_builder_free(b);
	return status;
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 3;

	printf("%u rules\n%10s %10s %10s\n", n, "built", "checked", "compiled");
	for (unsigned i = 0; i < rounds; i++) {
		double built, checked, compiled;

		if (once(n, 0, &built, &checked) || once(n, XDPFC_OBJECT, &built, &compiled))
			return 1;
		printf("%10.3f %10.3f %10.3f\n", built, checked, compiled);
	}
	return 0;
}
