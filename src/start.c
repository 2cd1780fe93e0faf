/*
 * The first instructions of the static program: a start file for static-pie on musl, in the place of
 * musl's own rcrt1.o. Three things are done here that the other does not do:
 *
 * - The pages that relocation is about to write are asked for in one call. Taken one by one, the
 *   faults on OpenSSL's tables cost more than everything else a short command does.
 * - DT_RELR is understood, so that 11,000 relocations take 10 kB of the file, and not 270.
 * - RELRO is made true: nothing else would write-protect those pages in a program without a loader.
 *
 * It runs before relocation, before thread-local storage and before the stack protector's canary:
 * no global that holds a pointer, no library call, no canary. The static build alone has it.
 */
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define HIDDEN __attribute__((__visibility__("hidden")))

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef DT_RELRSZ
#define DT_RELRSZ 35
#define DT_RELR	  36
#endif

enum {
	PAGE_MAX = 65536,
	BSS_AHEAD = 16384, /* of .bss, what a short command will write as well */
	DT_KNOWN = DT_RELR + 1,
};

extern const ElfW(Ehdr) __ehdr_start HIDDEN;
extern int main(int argc, char **argv, char **envp);
extern void _init(void) HIDDEN;
extern void _fini(void) HIDDEN;
extern _Noreturn int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(void),
	void (*)(void), void (*)(void));

_Noreturn void static_start(uintptr_t *stack, const ElfW(Dyn) * dynamic) HIDDEN;

#if defined(__x86_64__)
#define RELATIVE R_X86_64_RELATIVE
__asm__(".text\n.global _start\n.type _start, @function\n_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	".hidden _DYNAMIC\n"
	"	lea _DYNAMIC(%rip), %rsi\n"
	"	and $-16, %rsp\n"
	"	call static_start\n"
	".size _start, . - _start\n");

static long syscall3(long number, uintptr_t a, uintptr_t b, uintptr_t c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
#define RELATIVE R_AARCH64_RELATIVE
__asm__(".text\n.global _start\n.type _start, %function\n_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	".hidden _DYNAMIC\n"
	"	adrp x1, _DYNAMIC\n"
	"	add x1, x1, #:lo12:_DYNAMIC\n"
	"	and sp, x0, #-16\n"
	"	b static_start\n"
	".size _start, . - _start\n");

static long syscall3(long number, uintptr_t a, uintptr_t b, uintptr_t c)
{
	register long x8 __asm__("x8") = number;
	register uintptr_t x0 __asm__("x0") = a;
	register uintptr_t x1 __asm__("x1") = b;
	register uintptr_t x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return (long)x0;
}
#else
#error "no start code for this machine"
#endif

/* Each word is an address to relocate, or (odd) a bitmap of the 63 words that follow the last. */
static void relocate_packed(uintptr_t base, const uintptr_t *entry, size_t size)
{
	uintptr_t *where = NULL;

	for (const uintptr_t *end = entry + size / sizeof(*entry); entry < end; entry++) {
		if (!(*entry & 1)) {
			where = (uintptr_t *)(base + *entry);
			*where++ += base;
			continue;
		}
		for (unsigned int i = 0; *entry >> i > 1; i++)
			if (*entry >> (i + 1) & 1)
				where[i] += base;
		where += 8 * sizeof(*entry) - 1;
	}
}

static void relocate_table(uintptr_t base, const ElfW(Rela) * rela, size_t size)
{
	for (const ElfW(Rela) *end = rela + size / sizeof(*rela); rela < end; rela++)
		if (ELF64_R_TYPE(rela->r_info) == RELATIVE)
			*(uintptr_t *)(base + rela->r_offset) = base + (uintptr_t)rela->r_addend;
}

static uintptr_t page_size(uintptr_t *stack)
{
	uintptr_t *word = stack + 1 + *stack + 1;

	while (*word)
		word++;
	for (word++; word[0]; word += 2)
		if (word[0] == AT_PAGESZ)
			return word[1];
	return PAGE_MAX;
}

_Noreturn void static_start(uintptr_t *stack, const ElfW(Dyn) * dynamic)
{
	uintptr_t base = (uintptr_t)&__ehdr_start, mask = ~(page_size(stack) - 1);
	const ElfW(Phdr) *ph = (const void *)(base + __ehdr_start.e_phoff);
	const ElfW(Phdr) *relro = NULL;
	uintptr_t dyn[DT_KNOWN];

	for (size_t i = 0; i < DT_KNOWN; i++)
		dyn[i] = 0;
	for (; dynamic->d_tag; dynamic++)
		if (dynamic->d_tag < DT_KNOWN)
			dyn[dynamic->d_tag] = dynamic->d_un.d_val;

	/* An older kernel refuses, and the pages come one by one. */
	for (size_t i = 0; i < __ehdr_start.e_phnum; i++) {
		if (ph[i].p_type == PT_GNU_RELRO)
			relro = &ph[i];
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_W) {
			uintptr_t from = (base + ph[i].p_vaddr) & mask;
			uintptr_t size = ph[i].p_filesz + BSS_AHEAD;
			uintptr_t to;

			if (size > ph[i].p_memsz)
				size = ph[i].p_memsz;
			to = (base + ph[i].p_vaddr + size + ~mask) & mask;

			syscall3(SYS_madvise, from, to - from, MADV_POPULATE_WRITE);
		}
	}

	relocate_packed(base, (const void *)(base + dyn[DT_RELR]), dyn[DT_RELRSZ]);
	relocate_table(base, (const void *)(base + dyn[DT_RELA]), dyn[DT_RELASZ]);

	if (relro) {
		uintptr_t from = (base + relro->p_vaddr) & mask;
		uintptr_t to = (base + relro->p_vaddr + relro->p_memsz) & mask;

		syscall3(SYS_mprotect, from, to - from, PROT_READ);
	}
	__libc_start_main(main, (int)*stack, (char **)(stack + 1), _init, _fini, NULL);
}
