/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that is its own firmware: 64 KiB that QEMU maps below 4 GiB (-bios). From the reset vector it
 * goes to protected and to long mode, and does there what a kernel does in its first milliseconds:
 * paging, MSRs of system calls, exceptions, a timer interrupt of the local APIC, a changed mapping with
 * invlpg, ring 3 and back. Each step writes a digit to port 0xe9; the end writes 0x2a to port 0xf4
 * (isa-debug-exit). Whatever does not work hangs or resets, which the caller sees.
 *
 * RAM: 0x7000 counters, 0x8000 IDT, below 0x9000 stack, 0x10000 page tables.
 */
	.section .rodata
	.globl accel_image
	.globl accel_image_size
	.balign 16

#ifdef __x86_64__
#define OFF(x) ((x) - accel_image)
#define AT(x) (0xffff0000 + OFF(x))
#define STEP(c) movb $c, %al; outb %al, $0xe9

accel_image:
	.code16
start16:
	cli
	cld
	STEP('1')
	lgdtl %cs:OFF(gdtr)
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $0x08, $AT(start32)

	.code32
start32:
	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $0x9000, %esp
	STEP('2')
	xorl %eax, %eax
	movl $0x7000, %edi
	movl $0x3400, %ecx	/* counters, IDT, page tables: 0x7000 to 0x14000 */
	rep stosl
	movl $0x11007, 0x10000
	movl $0x12007, 0x11000	/* 0 to 1 GiB */
	movl $0x13007, 0x11018	/* 3 to 4 GiB: this image and the APIC */
	movl $0x12000, %edi
	movl $0x87, %eax	/* 2 MiB, user, writable, present */
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	cmpl $0x13000, %edi
	jne 1b
	movl $0xc0000087, %eax
2:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	cmpl $0x14000, %edi
	jne 2b
	movl %cr4, %eax
	orl $0x6a0, %eax	/* PAE, PGE, OSFXSR, OSXMMEXCPT */
	movl %eax, %cr4
	movl $0x10000, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx	/* EFER: long mode, syscall */
	rdmsr
	orl $0x101, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80010022, %eax	/* PG, WP, NE, MP */
	movl %eax, %cr0
	ljmpl $0x18, $AT(start64)

	.code64
start64:
	STEP('3')
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $0x9000, %esp

	/* MSRs of system calls and of the per-CPU area */
	movl $0xc0000081, %ecx	/* STAR */
	xorl %eax, %eax
	movl $0x00280018, %edx
	wrmsr
	movl $0xc0000082, %ecx	/* LSTAR */
	movl $AT(from_user), %eax
	xorl %edx, %edx
	wrmsr
	movl $0xc0000084, %ecx	/* SFMASK */
	movl $0x200, %eax
	wrmsr
	movl $0xc0000101, %ecx	/* GS_BASE */
	movl $0x7000, %eax
	wrmsr
	swapgs
	swapgs
	movl %gs:0, %eax
	STEP('4')

	/* an exception */
	movl $AT(idtr), %eax
	lidt (%rax)
	movl $(0x8000 + 3 * 16), %edi
	movl $AT(on_breakpoint), %eax
	call set_gate
	movl $(0x8000 + 0x40 * 16), %edi
	movl $AT(on_timer), %eax
	call set_gate
	int3
	cmpl $1, 0x7000
	jne stuck
	STEP('5')

	/* identification and clock */
	movl $0x80000008, %eax
	cpuid
	xorl %eax, %eax
	cpuid
	rdtsc
	movl %eax, %esi
	rdtsc
	STEP('6')

	/* a timer interrupt */
	movl $0xfee00000, %ebx
	movl $0x1ff, 0xf0(%rbx)
	movl $0x0b, 0x3e0(%rbx)
	movl $0x40, 0x320(%rbx)
	movl $0x100000, 0x380(%rbx)
3:	cmpl $1, 0x7004
	je 4f
	sti
	hlt
	cli
	jmp 3b
4:	cli
	STEP('7')

	/* a mapping changes: 512 MiB up shows the first page, then its own again */
	movl $0x20000000, %ebx
	movl $0x87, 0x12800
	invlpg (%rbx)
	movl $0x12345678, 0x7008
	cmpl $0x12345678, 0x7008(%rbx)
	jne stuck
	movl $0x20000087, 0x12800
	invlpg (%rbx)
	movq %cr3, %rax
	movq %rax, %cr3
	STEP('8')

	/* ring 3 and back */
	movl $AT(in_user), %ecx
	movl $2, %r11d
	sysretq
in_user:
	movl $0x55, %edi
	syscall
	jmp in_user
from_user:
	cmpl $0x55, %edi
	jne stuck
	STEP('9')
	movb $0x2a, %al
	outb %al, $0xf4
stuck:
	cli
	hlt
	jmp stuck

set_gate:	/* of %edi to the handler at %eax, below 4 GiB */
	movw %ax, (%rdi)
	movw $0x18, 2(%rdi)
	movw $0x8e00, 4(%rdi)
	shrl $16, %eax
	movw %ax, 6(%rdi)
	ret
on_breakpoint:
	incl 0x7000
	iretq
on_timer:
	incl 0x7004
	movl $0, 0xb0(%rbx)
	iretq

	.balign 8
gdt:	/* with the accessed bits set, for this is read-only memory */
	.quad 0
	.quad 0x00cf9b000000ffff	/* 08: 32-bit code */
	.quad 0x00cf93000000ffff	/* 10: data */
	.quad 0x00af9b000000ffff	/* 18: 64-bit code */
	.quad 0x00cf93000000ffff	/* 20: data, behind it for syscall */
	.quad 0
	.quad 0x00cff3000000ffff	/* 30: user data */
	.quad 0x00affb000000ffff	/* 38: user 64-bit code */
gdtr:
	.word gdtr - gdt - 1
	.long AT(gdt)
	.balign 8
idtr:
	.word 0x7ff
	.quad 0x8000

	.org accel_image + 0xfff0
	.byte 0xe9		/* jmp start16, written out: assemblers disagree whether it can wrap */
	.word (OFF(start16) - 0xfff3) & 0xffff
	.org accel_image + 0x10000
	.code64

	.balign 4
accel_image_size:
	.long 0x10000
#else
accel_image:
	.long 0
accel_image_size:
	.long 0
#endif
	.section .note.GNU-stack, "", @progbits
