/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Telling the sanitizers and valgrind about stacks; nothing at all in a normal build. */
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
/* fake is where the stack that is left keeps its bookkeeping; NULL when it will never run again. */
static inline void tools_leave(void **fake, const void *bottom, size_t size)
{
	__sanitizer_start_switch_fiber(fake, bottom, size);
}
static inline void tools_arrive(void *fake, const void **bottom_old, size_t *size_old)
{
	__sanitizer_finish_switch_fiber(fake, bottom_old, size_old);
}
static inline void tools_stack_made(void *stack, size_t size) { __lsan_register_root_region(stack, size); }
static inline void tools_stack_gone(void *stack, size_t size) { __lsan_unregister_root_region(stack, size); }
static inline void tools_stack_clear(void *stack, size_t size) { ASAN_UNPOISON_MEMORY_REGION(stack, size); }
#else
static inline void tools_leave(void **fake, const void *bottom, size_t size) {}
static inline void tools_arrive(void *fake, const void **bottom_old, size_t *size_old) {}
static inline void tools_stack_made(void *stack, size_t size) {}
static inline void tools_stack_gone(void *stack, size_t size) {}
static inline void tools_stack_clear(void *stack, size_t size) {}
#endif

#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
static inline void *tools_tsan_new(void) { return __tsan_create_fiber(0); }
static inline void tools_tsan_free(void *f) { __tsan_destroy_fiber(f); }
static inline void *tools_tsan_self(void) { return __tsan_get_current_fiber(); }
static inline void tools_tsan_switch(void *f) { __tsan_switch_to_fiber(f, 0); }
#else
static inline void *tools_tsan_new(void) { return NULL; }
static inline void tools_tsan_free(void *f) {}
static inline void *tools_tsan_self(void) { return NULL; }
static inline void tools_tsan_switch(void *f) {}
#endif

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id)       ((void)(id))
#endif
