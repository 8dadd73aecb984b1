/* A sentence at the console: engine → intent and action → its handler (action.h). The model answers where there is one; the
   rule engine's reading is a second opinion beside it, and the only one without. Nothing is performed on a guess: an
   unlikely reading is asked back, and so is a change that only the model sees. What can't be undone waits for a yes. */
#include "action.h"
#include "console.h"
#include "print.h"
#include "string.h"
#include "text.h"

#include "../slm/service.h"

enum { SURE = 600, SURE_OF_OP = 900, SURE_OF_NOTHING = 900, WHAT_MAX = 200 }; /* thousandths of the calibrated probability */
_Static_assert(DIALOGUE_TEXT_MAX >= SLM_MAX_ACTION, "an action fits what waits for a yes");

static void refuse(void)
{
    kprintf("I did not understand that, or it is nothing this machine can do.\n"
            "Try for example: what is my ip\n"
            "or: be a web server on port 8080\n"
            "or: help\n");
}

/* Keeps what is to be performed when the next line is yes. */
static void keep(struct dialogue *dialogue, int waits, unsigned intent, const char *text)
{
    dialogue->waits = waits;
    dialogue->intent = intent;
    text_copy(dialogue->action, sizeof dialogue->action, text);
}

static void ask_back(struct dialogue *dialogue, const struct action *action, unsigned intent, const char *text)
{
    char what[WHAT_MAX];
    action_describe(action, what, sizeof what);
    kprintf("I am not sure that I understood. Did you mean: %s?\n"
            "Type yes, or say it in other words.\n", what);
    keep(dialogue, DIALOGUE_UNSURE, intent, text);
}

void sentence_offer(struct dialogue *dialogue, unsigned intent, const char *text, bool sure)
{
    static struct action action; /* commands and sentences run one at a time */
    char reason[ACTION_REASON_MAX];
    dialogue->waits = DIALOGUE_NOTHING;
    if (!action_read(&action, intent, text, reason)) {
        kprintf("%s Say it in other words, please.\n", reason);
    } else if (!action.entry) {
        kprintf("I understood '%s', but nothing here can do that.\n", action.op);
    } else if (!action.entry->perform) {
        kprintf("%s\n", action.entry->instead);
    } else if (!sure) {
        ask_back(dialogue, &action, intent, text);
    } else if (!action.entry->warn) {
        action.entry->perform(&action);
    } else if (action.entry->warn(&action)) {
        kprintf("Type yes to go on; anything else leaves it as it is.\n");
        keep(dialogue, DIALOGUE_WARNED, intent, text);
    }
}

/* The yes that was waited for. */
static void go_on(struct dialogue *dialogue, int waited)
{
    static struct action action;
    static char text[DIALOGUE_TEXT_MAX];
    char reason[ACTION_REASON_MAX];
    text_copy(text, sizeof text, dialogue->action);
    if (waited == DIALOGUE_MISTYPED)
        console_execute(dialogue, text);
    else if (waited == DIALOGUE_UNSURE)
        sentence_offer(dialogue, dialogue->intent, text, true);
    else if (action_read(&action, dialogue->intent, text, reason) && action.entry && action.entry->perform)
        action.entry->perform(&action);
}

/* -- Two readings of a sentence --------------------------------------------------------------------------- */

enum readings {
    READ_APART,     /* different ops, or different values for an argument */
    READ_ALIKE,
    READ_WITHIN,    /* alike, and the second one has all that the first one has */
};

static enum readings compare(const struct action *first, const struct action *second)
{
    enum readings found = READ_WITHIN;
    if (first->which != second->which)
        return READ_APART;
    for (unsigned key = 0; key < ACTION_KEY_COUNT; key++) {
        const struct action_value *a = &first->value[key], *b = &second->value[key];
        if (a->given && b->given && strcmp(a->text, b->text))
            return READ_APART;
        if (a->given && !b->given)
            found = READ_ALIKE;
    }
    return found;
}

/* What the model and the rules made of a sentence becomes one reading, or a question. */
static void weigh(struct dialogue *dialogue, const struct slm_reply *reply, const struct slm_answer *rules)
{
    static struct action model, second;
    char reason[ACTION_REASON_MAX];
    unsigned none = slm_intent_count - 1;
    if (reply->intent == none && (rules->intent == none || reply->thousandths >= SURE_OF_NOTHING)) {
        refuse();
        return;
    }
    if (reply->intent == none) {
        sentence_offer(dialogue, rules->intent, rules->action, false);
        return;
    }
    bool read = action_read(&model, reply->intent, reply->action, reason);
    bool rules_read = rules->intent != none && action_read(&second, rules->intent, rules->action, reason);
    if (!read && rules_read && rules->intent == reply->intent) {
        sentence_offer(dialogue, rules->intent, rules->action, false);
        return;
    }
    enum readings alike = read && rules_read ? compare(&model, &second) : READ_APART;
    bool change = read && model.entry && model.entry->changes;
    /* The probability is the intent's alone: of two ops inside it, the one said in so many words is asked about. */
    if (alike == READ_APART && rules_read && rules->intent == reply->intent && reply->thousandths < SURE_OF_OP) {
        sentence_offer(dialogue, rules->intent, rules->action, false);
        return;
    }
    sentence_offer(dialogue, reply->intent, alike == READ_WITHIN ? rules->action : reply->action,
                   alike != READ_APART || (reply->thousandths >= SURE && !change));
}

static bool is_word(const char *text, const char *word)
{
    char clean[SLM_MAX_TEXT + 1], low[SLM_MAX_TEXT + 1];
    size_t length = slm_clean(clean, text);
    while (length && (clean[length - 1] == '.' || clean[length - 1] == '!'))
        length--;
    slm_lower(low, clean, length);
    return !strcmp(low, word);
}

static bool is_blank(const char *text)
{
    while (text_is_space(*text))
        text++;
    return !*text;
}

/* What stands behind "rules:", which asks the rule engine alone: a tenth of a millisecond instead of the model's time. */
static const char *behind_rules(const char *text)
{
    static const char mark[] = "rules:";
    while (text_is_space(*text))
        text++;
    return strncmp(text, mark, sizeof mark - 1) ? NULL : text + sizeof mark - 1;
}

/* A slip in a command's name is asked about before a model, which always reads something, gets to see it. */
static bool ask_for_command(struct dialogue *dialogue, const char *text)
{
    const struct command *command = command_like(text);
    if (!command)
        return false;
    kprintf("There is no such command. Did you mean: %s (%s)?\n"
            "Type yes, or say it in other words.\n", command->name, command->help);
    keep(dialogue, DIALOGUE_MISTYPED, 0, command->name);
    return true;
}

void sentence_take(struct dialogue *dialogue, const char *text)
{
    static struct slm_reply reply;
    static struct slm_answer rules;
    const char *behind = behind_rules(text);
    bool alone = behind || dialogue->by_rules;
    text = behind ? behind : text;
    int waited = dialogue->waits;
    dialogue->waits = DIALOGUE_NOTHING;
    if (is_blank(text))
        return;
    if (is_word(text, "yes")) {
        if (waited)
            go_on(dialogue, waited);
        else
            kprintf("There is no question to say yes to.\n");
        return;
    }
    if (waited && is_word(text, "no")) {
        kprintf("Nothing was changed.\n");
        return;
    }
    if (strlen(text) > SLM_MAX_TEXT) { /* the rest would not be read */
        kprintf("That is too long for me: say it in at most %d characters.\n", SLM_MAX_TEXT);
        return;
    }
    slm_rules(text, &rules);
    if (!behind && rules.intent == slm_intent_count - 1 && ask_for_command(dialogue, text))
        return;
    if (!alone) {
        slm_service_ask(text, &reply);
        weigh(dialogue, &reply, &rules);
    } else if (rules.intent != slm_intent_count - 1) {
        sentence_offer(dialogue, rules.intent, rules.action, true);
    } else {
        refuse();
    }
}
