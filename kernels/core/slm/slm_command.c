/* slm: what a sentence asks for, as "<engine> <thousandths> <INTENT> [action]" and a line of how; --json for programs
   (`kernel:ARCH` of SLM/), --bench for figures; without a sentence, what answers here. */
#include "../slm/service.h"

#include "console.h"
#include "print.h"
#include "string.h"
#include "text.h"
#include "timer.h"

static void print_json_text(const char *text)
{
    kprintf("\"");
    for (; *text; text++)
        kprintf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    kprintf("\"");
}

static void print_json(const struct slm_reply *r)
{
    kprintf("{\"engine\": \"%s\", \"intent\": \"%s\", \"thousandths\": %u, \"action\": ", r->engine, slm_intents[r->intent], r->thousandths);
    print_json_text(r->action);
    kprintf(", \"us\": %llu, \"logit_millionths\": [", (unsigned long long)(r->ns / NS_PER_US));
    for (unsigned i = 0; i < r->logits; i++)
        kprintf("%s%d", i ? ", " : "", r->millionths[i]);
    kprintf("]}\n");
}

static void print_reply(const struct slm_reply *r)
{
    kprintf("%s %u %s%s%s\n", r->engine, r->thousandths, slm_intents[r->intent], r->action[0] ? " " : "", r->action);
    kprintf("in %llu.%llu ms%s%s\n", (unsigned long long)(r->ns / NS_PER_MS), (unsigned long long)(r->ns / (NS_PER_MS / 10) % 10),
            r->why ? "; by rules: " : "", r->why ? r->why : "");
}

static void bench_command(void)
{
    uint64_t question_ns, tokens_ns;
    slm_service_print();
    for (int round = 0; round < 3; round++)
        if (slm_service_bench(&question_ns, &tokens_ns))
            kprintf("figure: slm_question_us %llu us\nfigure: slm_token_us %llu us\n", (unsigned long long)(question_ns / NS_PER_US),
                    (unsigned long long)(tokens_ns / NS_PER_US));
}

static void slm(int argc, char **argv)
{
    static char text[SLM_MAX_TEXT + 16];
    static struct slm_reply reply;
    bool json = argc > 2 && !strcmp(argv[1], "--json");
    size_t length = 0;
    if (argc == 2 && !strcmp(argv[1], "--bench")) {
        bench_command();
        return;
    }
    for (int i = 1 + json; i < argc && length < sizeof text - 1; i++)
        length += ksnprintf(text + length, sizeof text - length, "%s%s", i > 1 + json ? " " : "", argv[i]);
    if (argc < 2) {
        slm_service_print();
        return;
    }
    slm_service_ask(text, &reply);
    if (json)
        print_json(&reply);
    else
        print_reply(&reply);
}
COMMAND(slm, "what a sentence asks for: slm [--json] SENTENCE | slm --bench | slm", slm);
