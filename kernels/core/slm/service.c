/* The SLM's thread (service.h). It may use floating point, so it alone calls the neural engine; everybody else leaves a
   request with it and sleeps. All memory is taken when the model is opened, in one stretch that is never given back. */
#include "service.h"

#include "boot.h"
#include "channel.h"
#include "mm.h"
#include "print.h"
#include "string.h"
#include "text.h"

enum { LIMIT_MS = 10000, BENCH_TOKENS = 32 };

struct request {
    const char *text;         /* NULL: a benchmark */
    struct slm_answer *answer;
    bool *whole;              /* did the model answer? */
    uint64_t *question_ns, *tokens_ns;
};

static struct slm model;
static struct boot_module file;
static const char *wrong = "no model was handed over";
static size_t arena_bytes;
static uint64_t load_ns;
static struct channel requests, done; /* done: one byte for each request, in order */
static struct mutex turn;             /* of who asks: one question at a time */
static uint64_t limit_ns = LIMIT_MS * NS_PER_MS, deadline_ns;
static bool late; /* the last answer was */

static bool expired(void)
{
    return hal_time_ns() > deadline_ns;
}

static void bench(const struct request *request)
{
    uint32_t tokens[BENCH_TOKENS];
    for (uint32_t i = 0; i < BENCH_TOKENS; i++)
        tokens[i] = model.g.first_intent + model.g.intents + i;
    model.expired = NULL;
    slm_reset(&model);
    uint64_t began = hal_time_ns();
    slm_forward(&model, tokens, BENCH_TOKENS, model.g.first_intent, model.g.intents);
    *request->question_ns = hal_time_ns() - began;
    began = hal_time_ns();
    for (uint32_t i = 0; i < BENCH_TOKENS; i++)
        slm_forward(&model, tokens + i, 1, 0, model.g.vocab);
    *request->tokens_ns = hal_time_ns() - began;
}

static const char *load(void)
{
    static struct slm_gguf shape;
    const char *bad = slm_gguf_read(&shape, (const void *)file.base, file.size);
    if (bad)
        return bad;
    void *arena = page_alloc_stretch(arena_bytes = slm_arena_size(&shape, true));
    if (!arena)
        arena = page_alloc_stretch(arena_bytes = slm_arena_size(&shape, false));
    if (!arena)
        return "the model needs more memory than there is in one stretch";
    return slm_open(&model, (const void *)file.base, file.size, arena, arena_bytes, hal_time_ns, NULL);
}

static void serve(void *arg)
{
    struct request request;
    uint8_t byte = 0;
    (void)arg;
    uint64_t began = hal_time_ns();
    wrong = thread_use_fpu() ? load() : "no memory for the registers' state";
    load_ns = hal_time_ns() - began;
    while (channel_receive(&requests, &request, UINT64_MAX)) {
        deadline_ns = hal_time_ns() + limit_ns;
        if (wrong)
            *request.whole = false;
        else if (request.text)
            *request.whole = slm_ask(&model, request.text, true, expired, request.answer), late = expired();
        else
            bench(&request);
        channel_send(&done, &byte, UINT64_MAX);
    }
}

void slm_service_start(void)
{
    char text[16];
    uint64_t ms;
    struct thread *thread = NULL;
    if (!boot_module_find("slm.gguf", "GGUF", &file))
        return;
    if (cmdline_get(boot_info()->cmdline, "slm_ms", text, sizeof text) && text_to_u64(text, &ms))
        limit_ns = ms * NS_PER_MS;
    wrong = "the model's thread did not start";
    if (channel_open(&requests, sizeof(struct request), 1) && channel_open(&done, 1, 1))
        thread = thread_start("slm", CLASS_SLM, serve, NULL);
    if (thread)
        thread_detach(thread);
}

/* Has the thread do it; false when there is none. */
static bool hand_over(struct request *request)
{
    uint8_t byte;
    return !wrong && channel_send(&requests, request, UINT64_MAX) && channel_receive(&done, &byte, UINT64_MAX);
}

void slm_service_ask(const char *text, struct slm_reply *reply)
{
    static struct slm_answer answer;
    bool whole = false;
    uint64_t began = hal_time_ns();
    mutex_take(&turn);
    hand_over(&(struct request){.text = text, .answer = &answer, .whole = &whole});
    const char *why = wrong ? wrong : late ? "the model gave no answer in time" : "the model's answer is no number";
    *reply = (struct slm_reply){.engine = whole ? "model" : "rules", .why = whole ? NULL : why};
    if (whole)
        reply->logits = model.g.intents;
    else
        slm_rules(text, &answer);
    reply->intent = answer.intent;
    reply->thousandths = whole ? slm_thousandths(&answer) : 1000;
    for (unsigned i = 0; i < reply->logits; i++)
        reply->millionths[i] = slm_logit_millionths(&answer, i);
    text_copy(reply->action, sizeof reply->action, answer.action);
    mutex_give(&turn);
    reply->ns = hal_time_ns() - began;
}

bool slm_service_bench(uint64_t *question_ns, uint64_t *tokens_ns)
{
    mutex_take(&turn);
    bool ran = hand_over(&(struct request){.question_ns = question_ns, .tokens_ns = tokens_ns});
    mutex_give(&turn);
    *tokens_ns /= ran ? BENCH_TOKENS : 1;
    return ran;
}

void slm_service_print(void)
{
    if (wrong) {
        kprintf("rules: %s\n", wrong);
        return;
    }
    kprintf("model: %u layers of %u, %u tokens, %zu KiB in place, arena %zu KiB, kernel %s\n", model.g.layers, model.g.hidden,
            model.g.vocab, file.size / 1024, arena_bytes / 1024, slm_kernel_name(&model));
    kprintf("figure: slm_load_us %llu us\n", (unsigned long long)(load_ns / NS_PER_US));
}
