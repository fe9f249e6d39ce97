/*
 * What `syncookie` needs of this machine. In: what an object says of its rules. Out: 0, or a refusal that names what is missing. The kernel takes
 * acknowledged cookies for connections only where it may send some for every SYN itself: net.ipv4.tcp_syncookies, which is of both families.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "private.h"

enum { ALWAYS = 2 };			/* of net.ipv4.tcp_syncookies */

/* The network namespace is xdpf's own, which is that of the interfaces. */
static int check_setting(const char *rule, const struct xdpf_log *log)
{
	static const char path[] = "/proc/sys/net/ipv4/tcp_syncookies";
	FILE *f = fopen(path, "re");
	int n = 0, err = errno;

	if (!f)
		return rt_fail_sys(log, err, "rule %s, `syncookie`: %s cannot be read, so it is not known whether the kernel takes cookies", rule,
				   path);
	if (fscanf(f, "%d", &n) != 1)
		n = -1;
	fclose(f);
	if (n == ALWAYS)
		return 0;
	return rt_fail(log, EINVAL, "rule %s, `syncookie`: net.ipv4.tcp_syncookies is %d here, and the kernel would refuse the connections\n"
		       "Set it in this network namespace, and where it is set at boot: sysctl -w net.ipv4.tcp_syncookies=%d", rule, n, ALWAYS);
}

static int check_helpers(const char *rule, const struct xdpf_log *log)
{
	static const struct {
		enum bpf_func_id id;
		const char *name, *since;
	} helpers[] = {
		{ BPF_FUNC_tcp_raw_gen_syncookie_ipv4, "bpf_tcp_raw_gen_syncookie_ipv4", "6.0" },
		{ BPF_FUNC_tcp_raw_gen_syncookie_ipv6, "bpf_tcp_raw_gen_syncookie_ipv6", "6.0" },
		{ BPF_FUNC_tcp_raw_check_syncookie_ipv4, "bpf_tcp_raw_check_syncookie_ipv4", "6.0" },
		{ BPF_FUNC_tcp_raw_check_syncookie_ipv6, "bpf_tcp_raw_check_syncookie_ipv6", "6.0" },
		{ BPF_FUNC_tcp_gen_syncookie, "bpf_tcp_gen_syncookie", "5.4" },
	};

	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		struct rt_libbpf scope;
		int has;

		rt_libbpf_begin(&scope, log);
		has = libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, helpers[i].id, NULL);
		rt_libbpf_end(&scope);
		/* what cannot be found out, loading will tell */
		if (has)
			continue;
		return rt_fail(log, EOPNOTSUPP, "rule %s, `syncookie`: this kernel lacks the helper %s\n"
			       "Run Linux %s or later, built with CONFIG_SYN_COOKIES, or take the rule out", rule, helpers[i].name, helpers[i].since);
	}
	return 0;
}

int rt_cookies_check(const struct xdpf_meta *m, const struct xdpf_log *log)
{
	for (size_t i = 0; i < m->n_rules; i++)
		if (m->rules[i].cookies.used) {
			int err = check_helpers(m->rules[i].shown, log);

			return err ? err : check_setting(m->rules[i].shown, log);
		}
	return 0;
}
