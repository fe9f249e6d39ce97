/*
 * What a process has run is written down also where it ends without the C library's leave: children that compile end by _exit(), the arena by _Exit()
 * where memory is out. The linker puts these in their place, in the preset `coverage` alone.
 */
#include <gcov.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __real__Exit(int status);
_Noreturn void __wrap__Exit(int status);

_Noreturn void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

_Noreturn void __wrap__Exit(int status)
{
	__gcov_dump();
	__real__Exit(status);
}
