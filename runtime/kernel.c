/*
 * Is this kernel one whose verifier is right about our programs? In: its release. Out: 0, or a refusal that says why. Objects
 * that other loaders load are theirs to answer for; README.md says the same to their users.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "private.h"

enum { LEAST_MAJOR = 6, LEAST_MINOR = 1 };

bool rt_release_serves(const char *release)
{
	unsigned major, minor;

	/* a release that is no number is nobody's we know of: let the verifier decide */
	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return true;
	return major > LEAST_MAJOR || (major == LEAST_MAJOR && minor >= LEAST_MINOR);
}

int rt_kernel_check(const struct xdpf_log *log)
{
	struct utsname u;

	if (uname(&u) || rt_release_serves(u.release))
		return 0;
	/* what xdpfc does for the verifiers of old (compiler/bpf_code.h) was shown from here on; older ones lack helpers too */
	return rt_fail(log, EOPNOTSUPP, "Linux %s: filters are known to be right from %d.%d on\n"
		       "Run a kernel of %d.%d or later: Debian 12's own is one", u.release, LEAST_MAJOR, LEAST_MINOR, LEAST_MAJOR, LEAST_MINOR);
}
