/* An action's text into typed, checked arguments (action.h). The grammar is that of action.c; what is read here came from
   an engine, which may be a model: nothing of it is believed. */
#include "action.h"
#include "net.h"
#include "print.h"
#include "string.h"
#include "text.h"

#include "grammar_tables.h"

enum { PORT_MAX = 65535, PREFIX_MAX = 32 };

bool action_is(const struct action_value *value, const char *word)
{
    return value->given && !strcmp(value->text, word);
}

static const struct action_entry *find_entry(unsigned which)
{
    const struct action_entry *const *entry;
    FOR_REGISTERED(entry, actions)
        if ((*entry)->which == which)
            return *entry;
    return NULL;
}

const char *action_op(unsigned which)
{
    return slm_grammar[which >> 8][which & 0xff].name;
}

/* "10.0.2.15" or "10.0.2.15/24". */
static bool read_ip(struct action_value *value)
{
    char text[IP4_TEXT];
    const char *slash = strchr(value->text, '/');
    size_t length = slash ? (size_t)(slash - value->text) : strlen(value->text);
    uint64_t prefix = 0;
    if (length >= sizeof text)
        return false;
    memcpy(text, value->text, length);
    text[length] = 0;
    if (slash && (!text_to_u64(slash + 1, &prefix) || !prefix || prefix > PREFIX_MAX))
        return false;
    value->prefix = (unsigned)prefix;
    return ip4_parse(text, &value->number);
}

static bool read_number(struct action_value *value, enum action_key key)
{
    uint64_t number;
    bool fits = text_to_u64(value->text, &number) && number <= UINT32_MAX;
    value->number = (uint32_t)number;
    return fits && (key != ACTION_KEY_port || (number && number <= PORT_MAX));
}

static bool listed_word(struct action_value *value, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(*words, value->text))
            return true;
    return false;
}

/* "8086:100E": ids are known in lower case. */
static bool read_id(char *text)
{
    for (char *at = text; *at; at++)
        if (*at >= 'A' && *at <= 'F')
            *at = (char)(*at - 'A' + 'a');
    return slm_shaped(SLM_KIND_ID, text, strlen(text));
}

/* Is the text of the right kind, and a value that can be? */
static bool read_argument(struct action_value *value, const struct slm_arg *arg, char *text)
{
    size_t length = strlen(text);
    value->text = text;
    value->given = true;
    switch (arg->kind) {
    case SLM_KIND_ENUM: return listed_word(value, arg->words);
    case SLM_KIND_IP: return slm_shaped(arg->kind, value->text, length) && read_ip(value);
    case SLM_KIND_NUMBER: return slm_shaped(arg->kind, value->text, length) && read_number(value, arg->key);
    case SLM_KIND_TEXT: return length > 0;
    case SLM_KIND_ID: return read_id(text);
    default: return length && slm_shaped(SLM_KIND_WORD, text, length);
    }
}

/* Cuts the next value off *rest, which stands behind the blank in front of it. Values in quotes may hold blanks. */
static char *cut(char **rest, bool quoted)
{
    char *value = *rest + quoted, *end = quoted ? strchr(value, '"') : strchr(value, ' ');
    if (quoted && (!end || (end[1] && end[1] != ' ')))
        return NULL;
    char *next = end ? end + quoted : value + strlen(value);
    bool more = *next == ' ';
    if (end)
        *end = 0;
    *rest = more ? next + 1 : next;
    return value;
}

/* The argument that *rest begins with, of those from `from` on: one whose key stands there, else the first without a key. */
static const struct slm_arg *argument_at(const struct slm_op *op, unsigned from, const char *rest)
{
    const struct slm_arg *plain = NULL;
    for (unsigned i = from; i < op->count; i++) {
        const char *key = op->args[i].lead + 1; /* behind the blank */
        if (*key && text_starts(rest, key))
            return &op->args[i];
        if (!*key && !plain)
            plain = &op->args[i];
    }
    return plain;
}

static bool read_arguments(struct action *action, const struct slm_op *op, char *rest, char *reason)
{
    unsigned at = 0;
    while (*rest) {
        const struct slm_arg *arg = argument_at(op, at, rest);
        if (arg)
            rest += strlen(arg->lead + 1);
        char *text = arg ? cut(&rest, arg->kind == SLM_KIND_TEXT && *rest == '"') : NULL;
        if (!text) {
            ksnprintf(reason, ACTION_REASON_MAX, "I could not make sense of all of that.");
            return false;
        }
        if (!read_argument(&action->value[arg->key], arg, text)) {
            ksnprintf(reason, ACTION_REASON_MAX, "'%.40s' can't be right there.", text);
            return false;
        }
        at = (unsigned)(arg - op->args) + 1;
    }
    for (unsigned i = 0; i < op->count; i++)
        if (!op->args[i].optional && !action->value[op->args[i].key].given) {
            ksnprintf(reason, ACTION_REASON_MAX, "I understood '%s', but not of what.", op->name);
            return false;
        }
    return true;
}

bool action_read(struct action *action, unsigned intent, const char *text, char reason[ACTION_REASON_MAX])
{
    *action = (struct action){0};
    const struct slm_op *op = intent < slm_intent_count ? slm_grammar[intent] : NULL;
    text_copy(action->text, sizeof action->text, text);
    char *rest = strchr(action->text, ' ');
    if (rest)
        *rest++ = 0;
    while (op && op->name && strcmp(op->name, action->text))
        op++;
    if (!op || !op->name) {
        ksnprintf(reason, ACTION_REASON_MAX, "I could not tell what to do from that.");
        return false;
    }
    action->op = op->name;
    action->which = intent << 8 | (unsigned)(op - slm_grammar[intent]);
    action->entry = find_entry(action->which);
    return read_arguments(action, op, rest ? rest : action->text + strlen(action->text), reason);
}

void action_describe(const struct action *action, char *out, size_t size)
{
    static const char *const names[] = {
#define NAME(name) #name,
        ACTION_KEYS(NAME)
#undef NAME
    };
    const char *means = action->entry && action->entry->means ? action->entry->means : action->op;
    size_t length = ksnprintf(out, size, "%s", means), first = length;
    for (unsigned key = 0; key < ACTION_KEY_COUNT && length < size; key++) {
        if (!action->value[key].given)
            continue;
        bool plain = key == ACTION_KEY_word || key == ACTION_KEY_class || key == ACTION_KEY_area || key == ACTION_KEY_resource;
        length += ksnprintf(out + length, size - length, "%s%s%s%s", length == first ? " (" : ", ", plain ? "" : names[key],
                            plain ? "" : " ", action->value[key].text);
    }
    if (length > first && length < size)
        ksnprintf(out + length, size - length, ")");
}
