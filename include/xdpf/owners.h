/*
 * libxdpf: several owners share one filter. Each has a file of its own in it, and changes that one: the texts of the others' come from the filter
 * that runs, which holds them, and not from the disk. What runtime.h says of errors, ownership and versions holds here.
 */
#ifndef XDPF_OWNERS_H
#define XDPF_OWNERS_H

#include <xdpf/runtime.h>
#include <xdpf/tests.h>

#ifdef __cplusplus
extern "C" {
#endif

enum xdpf_change_kind { XDPF_CHANGE_REPLACE, XDPF_CHANGE_ADD, XDPF_CHANGE_DROP };

/* A change to the files that a filter is made of. A file is known by its name, the last component of its path. */
struct xdpf_change {
	enum xdpf_change_kind kind;
	const char *file;		/* REPLACE, ADD: the path of a rule file; DROP: a name */
	const char *before, *after;	/* ADD: the name of the file that it is to stand before or behind; both NULL: the last */
};

/*
 * Has xdpfc make one program of the files that the filter on @ifaces is made of, with these changes, in their order. Where no filter runs, files can
 * be added. All of @ifaces must run the same files. What comes out is for xdpf_object_apply() on these interfaces, which does it only while the
 * filters run that it was made from: -EAGAIN says that somebody else changed one meanwhile, that nothing was done, and that the changes are to be
 * merged anew.
 *
 * While it has not been given to xdpf_object_free(), others who merge wait for it, but for at most 10 seconds each.
 *
 * -ENOENT: a file that is named is not in the filter, or no filter runs; -EEXIST: one that is to be added is; -ENODATA: what runs does not hold the
 * text of another file (its object was made with --no-source or by an older xdpfc, or the text is too long); -EBADMSG: the rules are wrong, as of
 * xdpf_object_compile(); -EIO: there is no xdpfc, or it could not do its work; -EOPNOTSUPP: the filter is a part of libxdp's dispatcher.
 */
XDPF_API int xdpf_object_merge(struct xdpf_object **out, const char *const *ifaces, size_t n, const struct xdpf_change *changes, size_t n_changes,
			       const struct xdpf_compile_opts *opts, const struct xdpf_log *log);

/* Of .sources[@source]: for which of .files it was read, a place in these, and by which path: as that file names it, from its directory on, or
 * absolute. False: it does not say. @m: what xdpf_object_meta() or xdpf_program_meta() gave. */
XDPF_API bool xdpf_meta_source(const struct xdpf_meta *m, size_t source, unsigned *file, const char **path);

/* Whose test it is, of those that xdpf_tests_get() gives: a place in .files; UINT_MAX: an older xdpfc did not say it. Its packets meet all files. */
XDPF_API unsigned xdpf_tests_file(const struct xdpf_tests *t, size_t test);

#ifdef __cplusplus
}
#endif

#endif
