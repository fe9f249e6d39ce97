/*
 * What the reference dissector makes of a capture. In: a capture of Ethernet frames. Out: a line of tab-separated columns per frame: number,
 * 1 if malformed, then each field's value in hexadecimal digits, or "-" where it is absent. The first line has the columns' names, the
 * second the fields' tshark names, the third their types, the fourth their headers (of a part: the header that it is in). Without an
 * argument, only these four. With "inner" behind the capture: of the headers inside a tunnel.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval_cond.h"

static const char *header_name(enum header_id h)
{
	if (h == HDR_NONE)
		return "-";
	if (lang_part(h))
		h = lang_part(h)->parent;
	/* What the dissector makes parts of without a row: the type behind the tags, GRE's words. */
	if (h == HDR_ETYPE)
		h = HDR_ETH;
	if (h == HDR_GRECSUM || h == HDR_GREKEY || h == HDR_GRESEQ)
		h = HDR_GRE;
	for (size_t i = 0; i < lang_n_options; i++)
		if (lang_options[i].header == h)
			h = HDR_TCP;
	return lang_headers[h].name;
}

static void print_heads(void)
{
	printf("frame\tmalformed");
	for (int f = 0; f < FIELD_COUNT; f++)
		printf("\t%s", lang_fields[f].name);
	printf("\n\t");
	for (int f = 0; f < FIELD_COUNT; f++)
		printf("\t%s", lang_fields[f].tshark);
	printf("\n\t");
	for (int f = 0; f < FIELD_COUNT; f++)
		printf("\t%s", lang_types[lang_fields[f].type].name);
	printf("\n\t");
	for (int f = 0; f < FIELD_COUNT; f++)
		printf("\t%s", header_name(lang_fields[f].header));
	printf("\n");
}

static void print_frame(unsigned long n, const u_char *data, size_t len, bool inner)
{
	uint8_t *copy = malloc(len ? len : 1);	/* of exactly its size: a sanitizer sees what reads beyond it */
	struct eval_packet pkt = { .data = copy, .len = len };
	struct eval_view view = { .pkt = &pkt };

	if (!copy) {
		perror("fieldvals");
		exit(1);
	}
	memcpy(copy, data, len);
	dissect_frame(&view.d, copy, len);
	if (inner) {
		dissect_inner(&view.inner, &view.d, copy);
		view.d = view.inner;
	}
	printf("%lu\t%d", n, view.d.malformed);
	for (int f = 0; f < FIELD_COUNT; f++) {
		struct eval_value v;

		if (!eval_field(&view, f, &v))
			printf("\t-");
		else if (v.v.hi)
			printf("\t%" PRIx64 "%016" PRIx64, v.v.hi, v.v.lo);
		else
			printf("\t%" PRIx64, v.v.lo);
	}
	printf("\n");
	free(copy);
}

int main(int argc, char **argv)
{
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	unsigned long n = 0;
	pcap_t *p;
	int rc;

	print_heads();
	if (argc < 2)
		return 0;
	p = pcap_open_offline(argv[1], err);
	if (!p) {
		fprintf(stderr, "fieldvals: %s: %s\n", argv[1], err);
		return 1;
	}
	if (pcap_datalink(p) != DLT_EN10MB) {
		fprintf(stderr, "fieldvals: %s: not Ethernet\n", argv[1]);
		pcap_close(p);
		return 3;
	}
	while ((rc = pcap_next_ex(p, &hdr, &data)) == 1)
		print_frame(++n, data, hdr->caplen, argc > 2 && !strcmp(argv[2], "inner"));
	if (rc == PCAP_ERROR)
		fprintf(stderr, "fieldvals: %s: %s\n", argv[1], pcap_geterr(p));
	pcap_close(p);
	return rc == PCAP_ERROR;
}
