/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fixed.h - what a header needs that both user space and programs for the kernel (BPF) include:
 * integers of fixed width, and reading and writing them where they stand, aligned or not.
 *
 * Everything here is inline. In a program for the kernel a load is one instruction, because the
 * compiler would otherwise make single octets of it; the verifier sees to alignment where the
 * machine wants it. In user space it is what memcpy() makes of it.
 */
#ifndef LIB_FIXED_H
#define LIB_FIXED_H

#ifdef __bpf__
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
typedef __s32 int32_t;
typedef __s64 int64_t;

#define UINT8_MAX  0xff
#define UINT16_MAX 0xffff
#define UINT32_MAX 0xffffffffU
#else
#include <stdint.h>
#include <string.h>
#endif
#include <stdbool.h>

/*
 * The compiler is to forget what it knows of this number, so that the comparison or mask behind
 * it is made in this very register, where the verifier looks for it.
 */
#ifdef __bpf__
#define FIXED_OPAQUE(number) asm volatile("" : "+r"(number))
#else
#define FIXED_OPAQUE(number) ((void)(number))
#endif

#ifdef __bpf__
#define FIXED_LOAD(name, type)                                                                     \
	static __always_inline type name(const void *p)                                            \
	{                                                                                          \
		typedef type __attribute__((may_alias)) alias;                                     \
                                                                                                   \
		return *(const alias *)p;                                                          \
	}
#define FIXED_STORE(name, type)                                                                    \
	static __always_inline void name(void *p, type value)                                      \
	{                                                                                          \
		typedef type __attribute__((may_alias)) alias;                                     \
                                                                                                   \
		*(alias *)p = value;                                                               \
	}
#else
#define FIXED_LOAD(name, type)                                                                     \
	static __always_inline type name(const void *p)                                            \
	{                                                                                          \
		type value;                                                                        \
                                                                                                   \
		memcpy(&value, p, sizeof(value));                                                  \
		return value;                                                                      \
	}
#define FIXED_STORE(name, type)                                                                    \
	static __always_inline void name(void *p, type value)                                      \
	{                                                                                          \
		memcpy(p, &value, sizeof(value));                                                  \
	}
#endif

/* As the octets stand in memory. */
FIXED_LOAD(fixed_load16, uint16_t)
FIXED_LOAD(fixed_load32, uint32_t)
FIXED_LOAD(fixed_load64, uint64_t)
FIXED_STORE(fixed_store16, uint16_t)
FIXED_STORE(fixed_store32, uint32_t)
FIXED_STORE(fixed_store64, uint64_t)

/* From network order or the order with the lowest octet first to the host's, and back. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FIXED_BE16(value) __builtin_bswap16(value)
#define FIXED_BE32(value) __builtin_bswap32(value)
#define FIXED_BE64(value) __builtin_bswap64(value)
#define FIXED_LE32(value) (value)
#define FIXED_LE64(value) (value)
#else
#define FIXED_BE16(value) (value)
#define FIXED_BE32(value) (value)
#define FIXED_BE64(value) (value)
#define FIXED_LE32(value) __builtin_bswap32(value)
#define FIXED_LE64(value) __builtin_bswap64(value)
#endif

#endif
