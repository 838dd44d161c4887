// ISA-L's inflate (Debian's libisal2, about twice as fast as zlib), loaded when the program runs and the library is there:
// Debian has no static one, and a program that transfers images must start without it. The state's structure is kept
// behind a pointer: Swift would import its buffers as tuples of 66,000 elements.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if __has_include(<isa-l/igzip_lib.h>)
#include <dlfcn.h>
#include <isa-l/igzip_lib.h>

struct berth_isal_hidden {
    void (*reset)(struct inflate_state *);
    int (*inflate)(struct inflate_state *);
    struct inflate_state state;
};

/// A decoder of one gzip member, or NULL where the library is not installed. To be freed with free(3).
static inline void *berth_isal_new(void) {
    void *library = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) return NULL;
    void (*start)(struct inflate_state *) = (void (*)(struct inflate_state *))dlsym(library, "isal_inflate_init");
    struct berth_isal_hidden *made = (struct berth_isal_hidden *)malloc(sizeof *made);
    if (!made) return NULL;
    made->reset = (void (*)(struct inflate_state *))dlsym(library, "isal_inflate_reset");
    made->inflate = (int (*)(struct inflate_state *))dlsym(library, "isal_inflate");
    if (!start || !made->reset || !made->inflate) {
        free(made);
        return NULL;
    }
    start(&made->state);
    made->state.crc_flag = ISAL_GZIP;
    return made;
}

/// Decodes what it can: 0 when it goes on, 1 when the member has ended and its checksum was right, -1 when it is damaged.
static inline int berth_isal_step(
    void *decoder, const void *input, size_t length, void *output, size_t room, size_t *used, size_t *made) {
    struct berth_isal_hidden *hidden = (struct berth_isal_hidden *)decoder;
    struct inflate_state *state = &hidden->state;
    state->next_in = (uint8_t *)input;
    state->avail_in = (uint32_t)length;
    state->next_out = (uint8_t *)output;
    state->avail_out = (uint32_t)room;
    int result = hidden->inflate(state);
    *used = length - state->avail_in;
    *made = room - state->avail_out;
    if (result < 0 || result > ISAL_OUT_OVERFLOW) return -1;
    return state->block_state == ISAL_BLOCK_FINISH ? 1 : 0;
}

/// Begins the next member.
static inline void berth_isal_reset(void *decoder) {
    struct berth_isal_hidden *hidden = (struct berth_isal_hidden *)decoder;
    hidden->reset(&hidden->state);
    hidden->state.crc_flag = ISAL_GZIP;
}
#else
static inline void *berth_isal_new(void) { return NULL; }
static inline int berth_isal_step(
    void *decoder, const void *input, size_t length, void *output, size_t room, size_t *used, size_t *made) {
    return -1;
}
static inline void berth_isal_reset(void *decoder) {}
#endif
