/* Actions: what a sentence at the console asks for, as the grammar of SLM/grammar.toml has it, checked and typed; and the
   handlers that perform or answer them. A handler is one thing in one place, beside the subsystem it belongs to:

       static void serve(const struct action *action)
       {
           …action->role.given, action->role.text, action->port.number…
       }
       ACTION(APP_INSTALL, serve, "be a server", serve, .changes = true);

   It prints its answer with kprintf: short plain sentences, one fact a line. */
#pragma once

#include "action_keys.h"
#include "base.h"

struct action_value {
    bool given;
    const char *text;       /* as the sentence wrote it; a word of a closed list as the grammar writes it */
    uint32_t number;        /* of a number; an address (ip4) of an ip */
    unsigned prefix;        /* of an ip with /length; 0 without */
};

enum { ACTION_TEXT_MAX = 512, ACTION_REASON_MAX = 96 };

struct action {
    unsigned which;         /* ACTION_<INTENT>_<op> */
    const struct action_entry *entry; /* who performs it; NULL: nobody */
    const char *op;
    union {
        struct action_value value[ACTION_KEY_COUNT];
#define ACTION_MEMBER(name) struct action_value name;
        struct { ACTION_KEYS(ACTION_MEMBER) };
#undef ACTION_MEMBER
    };
    char text[ACTION_TEXT_MAX]; /* what the values point into */
};

struct action_entry {
    unsigned which;
    const char *means;      /* what it does, behind "Did you mean: " */
    void (*perform)(const struct action *action);
    bool changes;           /* the machine is not the same afterwards: nothing for a guess */
    /* What can't be undone: says what is going to be lost and returns true, or says why there is nothing to do. */
    bool (*warn)(const struct action *action);
    const char *instead;    /* of what nothing here can do: the whole answer */
};

#define ACTION(intent, action_op, action_means, action_perform, ...)                        \
    REGISTER(actions, struct action_entry, intent##_##action_op,                            \
             {.which = ACTION_##intent##_##action_op, .means = action_means, .perform = action_perform, __VA_ARGS__})
/* An op of the grammar that this kernel has nothing for: one honest line, with what can be done instead. */
#define CANNOT(intent, action_op, answer)                                                   \
    REGISTER(actions, struct action_entry, intent##_##action_op, {.which = ACTION_##intent##_##action_op, .instead = answer})
REGISTRY(actions, struct action_entry);

/* Reads an engine's action, such as "serve http port=8080" of the intent with that number. False with the reason when it is
   not one of the grammar's, or says something that can't be: port 70000, address 300.1.1.1. */
bool action_read(struct action *action, unsigned intent, const char *text, char reason[ACTION_REASON_MAX]);
/* As a person would say it: "be a server (role http, port 8080)". */
void action_describe(const struct action *action, char *out, size_t size);
const char *action_op(unsigned which); /* "serve" */
bool action_is(const struct action_value *value, const char *word); /* given, and that word */
