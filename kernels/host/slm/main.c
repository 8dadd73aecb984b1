/* The kernels' engine as a program on this machine: a line in, a JSON line out. `--engine host` of SLM/ drives it.
     slm-host MODEL.gguf [kernel=NAME] [intent]   questions on standard input; intent: no actions
     slm-host MODEL.gguf bench [kernel=NAME]          a line of figures for each line of input
     slm-host rules                               the rule engine, which needs no model */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "../../core/slm/slm.h"

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* what other programs take does not count */
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "slm-host: error: %s: %s\n", what, why);
    return 2;
}

static void json(const char *text)
{
    putchar('"');
    for (; *text; text++)
        if ((unsigned char)*text < ' ') printf("\\u%04x", (unsigned)*text);
        else {
            if (*text == '"' || *text == '\\') putchar('\\');
            putchar(*text);
        }
    putchar('"');
}

static void print(const struct slm_answer *a, uint64_t took, unsigned logits)
{
    printf("{\"intent\": \"%s\", \"probability\": %.7g, \"action\": ", slm_intents[a->intent], (double)a->probability);
    json(a->action);
    printf(", \"ms\": %.4f, \"logits\": [", (double)took / 1e6);
    for (unsigned i = 0; i < logits; i++) printf("%s%.9g", i ? ", " : "", (double)a->logits[i]);
    puts("]}");
    fflush(stdout);
}

static void answer_lines(struct slm *s, bool action)
{
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin)) {
        struct slm_answer a;
        line[strcspn(line, "\n")] = 0;
        uint64_t began = now();
        if (s) slm_ask(s, line, action, NULL, &a);
        else { slm_rules(line, &a); a.probability = 1; }
        print(&a, now() - began, s ? s->g.intents : 0);
    }
}

/* One round for each line on standard input: 32 and 128 tokens at once, then 64 one after the other, best token of each
   looked for as a sampler would. Who asks sets the pace, so that two engines can take turns. */
static void bench(struct slm *s)
{
    uint32_t tokens[128];
    char line[16];
    volatile uint32_t best = 0;
    for (uint32_t i = 0; i < 128; i++) tokens[i] = 300 + i;
    while (fgets(line, sizeof line, stdin)) {
        uint64_t at[4] = {now()};
        slm_reset(s);
        slm_forward(s, tokens, 32, s->g.first_intent, s->g.intents);
        at[1] = now();
        slm_reset(s);
        slm_forward(s, tokens, 128, 0, s->g.vocab);
        at[2] = now();
        slm_reset(s);
        slm_forward(s, tokens, 32, 0, s->g.vocab);
        uint64_t began = now();
        for (uint32_t i = 0; i < 64; i++) {
            const float *logits = slm_forward(s, tokens + i, 1, 0, s->g.vocab);
            for (uint32_t t = 0; t < s->g.vocab; t++) best = logits[t] > logits[best] ? t : best;
        }
        at[3] = now();
        printf("{\"kernel\": \"%s\", \"question_32_ms\": %.4f, \"prefill_128\": %.1f, \"generate\": %.1f}\n", slm_kernel_name(s),
               (double)(at[1] - at[0]) / 1e6, 128e9 / (double)(at[2] - at[1]), 64e9 / (double)(at[3] - began));
        fflush(stdout);
    }
}

/* Large pages where they can be had: a model of 50 MB is read once a token. */
static void *arena(size_t *size)
{
    const size_t huge = 2u << 20;
    *size = (*size + huge - 1) / huge * huge;
    void *at = aligned_alloc(huge, *size);
    if (at) madvise(at, *size, MADV_HUGEPAGE);
    return at;
}

int main(int argc, char **argv)
{
    static struct slm s;
    struct stat info;
    if (argc < 2) return fail("arguments", "expected MODEL.gguf [bench] [intent] [kernel=NAME], or rules");
    if (!strcmp(argv[1], "rules")) { answer_lines(NULL, true); return 0; }
    int file = open(argv[1], O_RDONLY);
    if (file < 0 || fstat(file, &info) || !info.st_size) return fail(argv[1], "expected a GGUF file, found none");
    const void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) return fail(argv[1], "cannot be mapped");
    const char *wrong = slm_gguf_read(&s.g, data, (size_t)info.st_size);
    if (wrong) return fail(argv[1], wrong);
    bool only_bench = false, action = true;
    const char *kernel = NULL;
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "bench")) only_bench = true;
        else if (!strcmp(argv[i], "intent")) action = false;
        else if (!strncmp(argv[i], "kernel=", 7)) kernel = argv[i] + 7;
        else return fail(argv[i], "expected bench, intent or kernel=NAME");
    }
    size_t need = slm_arena_size(&s.g, true);
    void *memory = arena(&need);
    wrong = slm_open(&s, data, (size_t)info.st_size, memory, memory ? need : 0, now, kernel);
    if (wrong) return fail(kernel ? kernel : argv[1], wrong);
    if (only_bench) bench(&s);
    else answer_lines(&s, action);
    return 0;
}
