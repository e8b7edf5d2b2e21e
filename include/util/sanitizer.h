/*
 * sanitizer.h - is this a build with sanitizers?
 *
 * They make system calls, read files and reserve memory as the program itself
 * never does, so that restrictions made for it are left out or loosened.
 */
#ifndef POSTRIDER_UTIL_SANITIZER_H
#define POSTRIDER_UTIL_SANITIZER_H

#ifndef __has_feature           /* clang's */
#define __has_feature(name) 0
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#endif
