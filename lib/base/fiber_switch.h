/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Leaving one stack for another. fiber_switch(from, to) saves the registers that a callee must keep,
 * keeps the place in *from and goes on at *to. fiber_prepare makes a stack that
 * starts in entry(), which must not return. Floating point control words travel along.
 */
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)

typedef void *fiber_place;

void fiber_switch(fiber_place *from, const fiber_place *to);
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".hidden fiber_switch\n"
        ".type fiber_switch, @function\n"
        ".align 16\n"
        "fiber_switch:\n"
        "	endbr64\n"
        "	pushq %rbp\n"
        "	pushq %rbx\n"
        "	pushq %r12\n"
        "	pushq %r13\n"
        "	pushq %r14\n"
        "	pushq %r15\n"
        "	subq $8, %rsp\n"
        "	stmxcsr (%rsp)\n"
        "	fnstcw 4(%rsp)\n"
        "	movq %rsp, (%rdi)\n"
        "	movq (%rsi), %rsp\n"
        "	ldmxcsr (%rsp)\n"
        "	fldcw 4(%rsp)\n"
        "	addq $8, %rsp\n"
        "	popq %r15\n"
        "	popq %r14\n"
        "	popq %r13\n"
        "	popq %r12\n"
        "	popq %rbx\n"
        "	popq %rbp\n"
        "	ret\n"
        ".size fiber_switch, .-fiber_switch\n");

static inline void fiber_prepare(fiber_place *place, void *stack, size_t size, void (*entry)(void))
{
	uint64_t *sp = (uint64_t *)(((uintptr_t)stack + size) & ~(uintptr_t)15);

	*--sp = 0; /* entry sees this as its return address: the end of a backtrace */
	*--sp = (uint64_t)(uintptr_t)entry;
	for (int i = 0; i < 6; i++)
		*--sp = 0;
	*--sp = 0x1f80u | 0x037full << 32; /* default mxcsr and x87 control word */
	*place = sp;
}

#elif defined(__aarch64__)

typedef void *fiber_place;

void fiber_switch(fiber_place *from, const fiber_place *to);
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".hidden fiber_switch\n"
        ".type fiber_switch, %function\n"
        ".align 4\n"
        "fiber_switch:\n"
        "	sub sp, sp, #160\n"
        "	stp x19, x20, [sp, #0]\n"
        "	stp x21, x22, [sp, #16]\n"
        "	stp x23, x24, [sp, #32]\n"
        "	stp x25, x26, [sp, #48]\n"
        "	stp x27, x28, [sp, #64]\n"
        "	stp x29, x30, [sp, #80]\n"
        "	stp d8, d9, [sp, #96]\n"
        "	stp d10, d11, [sp, #112]\n"
        "	stp d12, d13, [sp, #128]\n"
        "	stp d14, d15, [sp, #144]\n"
        "	mov x9, sp\n"
        "	str x9, [x0]\n"
        "	ldr x9, [x1]\n"
        "	mov sp, x9\n"
        "	ldp x19, x20, [sp, #0]\n"
        "	ldp x21, x22, [sp, #16]\n"
        "	ldp x23, x24, [sp, #32]\n"
        "	ldp x25, x26, [sp, #48]\n"
        "	ldp x27, x28, [sp, #64]\n"
        "	ldp x29, x30, [sp, #80]\n"
        "	ldp d8, d9, [sp, #96]\n"
        "	ldp d10, d11, [sp, #112]\n"
        "	ldp d12, d13, [sp, #128]\n"
        "	ldp d14, d15, [sp, #144]\n"
        "	add sp, sp, #160\n"
        "	ret\n"
        ".size fiber_switch, .-fiber_switch\n");

static inline void fiber_prepare(fiber_place *place, void *stack, size_t size, void (*entry)(void))
{
	uint64_t *sp = (uint64_t *)(((uintptr_t)stack + size) & ~(uintptr_t)15);

	sp -= 20;
	for (int i = 0; i < 20; i++)
		sp[i] = 0;
	sp[11] = (uint64_t)(uintptr_t)entry; /* x30 */
	*place = sp;
}

#else

#include <ucontext.h>

typedef ucontext_t fiber_place;

static inline void fiber_switch(fiber_place *from, const fiber_place *to) { swapcontext(from, to); }

static inline void fiber_prepare(fiber_place *place, void *stack, size_t size, void (*entry)(void))
{
	getcontext(place);
	place->uc_stack.ss_sp = stack;
	place->uc_stack.ss_size = size;
	place->uc_link = NULL;
	makecontext(place, entry, 0);
}

#endif
