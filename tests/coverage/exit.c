/*
 * What a process has run is written down also where it ends without the C library's leave: children that compile end by _exit(), the arena by _Exit()
 * where memory is out. The linker puts these in their place, in the preset `coverage` alone. What is allocated to write it down does not fail
 * (tests/faults/failing.c): a copy that was made then would wait for a lock that its parent has.
 */
#include <dlfcn.h>
#include <gcov.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __real__Exit(int status);
_Noreturn void __wrap__Exit(int status);

static void spare(void)
{
	void (*over)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "failing_over");

	if (over)
		over();
}

__attribute__((constructor)) static void begin(void)
{
	atexit(spare);
}

_Noreturn void __wrap__exit(int status)
{
	spare();
	__gcov_dump();
	__real__exit(status);
}

_Noreturn void __wrap__Exit(int status)
{
	spare();
	__gcov_dump();
	__real__Exit(status);
}
