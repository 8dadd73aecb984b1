/* The words every file uses: fixed-width types, a few compiler attributes, small macros.
   Nothing here has code behind it. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NORETURN __attribute__((noreturn))
#define NO_SANITIZE __attribute__((no_sanitize("undefined"))) /* for code that misbehaves on purpose */
#define PACKED __attribute__((packed))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define ALIGN_DOWN(value, to) ((value) & ~((uintptr_t)(to)-1))
#define ALIGN_UP(value, to) ALIGN_DOWN((value) + (uintptr_t)(to)-1, to)
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Registries: a table that grows by adding a file. REGISTER(commands, struct command, help, {...}) puts a pointer to
   a constant into the section `commands`; FOR_REGISTERED visits all of them. Names live in core/sections.ld. */
#define REGISTER(section_name, type, name, ...)                                  \
    static const type section_name##_##name = __VA_ARGS__;                       \
    static const type *const section_name##_##name##_entry                       \
        __attribute__((used, section(#section_name))) = &section_name##_##name

#define REGISTRY(section_name, type)                      \
    extern const type *const __start_##section_name[];    \
    extern const type *const __stop_##section_name[]

#define FOR_REGISTERED(entry, section_name) \
    for (entry = __start_##section_name; entry < __stop_##section_name; entry++)
