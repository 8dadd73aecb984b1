"""The grammar and the rules as C tables for kernels/core/slm: `python -m SLM.c_tables` rewrites the headers.

They are committed, because the kernels build without Python; a test checks that they are what this would write.
"""

from pathlib import Path

from SLM import rules
from SLM.actions import QUOTING, grammar
from SLM.intents import INTENTS

HERE = Path(__file__).parents[1] / "kernels" / "core" / "slm"
KEYS = "../../include/action_keys.h"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _words(words) -> str:
    return "{" + ", ".join([*map(_quoted, words), "NULL"]) + "}"


def grammar_header() -> str:
    g = grammar()
    out = ["/* The action grammar. Made by `python -m SLM.c_tables` from SLM/grammar.toml and SLM/intents.py: change those. */",
           "#pragma once", "", '#include "slm.h"', "", f'#include "{KEYS}"', "",
           "enum slm_kind { SLM_KIND_ENUM, SLM_KIND_WORD, SLM_KIND_NUMBER, SLM_KIND_IP, SLM_KIND_ID, SLM_KIND_SIZE, SLM_KIND_PATH,",
           "                SLM_KIND_TEXT };", "",
           "struct slm_arg {", "    const char *lead; /* what stands before the value */", "    enum slm_kind kind;", "    bool optional;",
           "    const char *const *words; /* of a closed list, up to NULL */", "    enum action_key key;", "};",
           f"#define SLM_MAX_ARGS {max(len(args) for table in g.ops.values() for args in table.values())}",
           "/* The next part of the sentence that a quoting type takes, from *at (0 at first) on; false if there is none. */",
           "bool slm_next_quote(const struct slm_sentence *s, enum slm_kind kind, unsigned *at, struct slm_span *out);",
           '/* Has t[0..n) the shape of a quoting type? (In lower case; "text" is not asked here.) */',
           "bool slm_shaped(enum slm_kind kind, const char *t, size_t n);", "",
           "struct slm_op {", "    const char *name;", "    const struct slm_arg *args;", "    unsigned count;", "};", ""]
    for name, words in g.types.items():
        out.append(f"static const char *const slm_type_{name}[] = {_words(words)};")
    out.append("")
    for intent, ops in g.ops.items():
        for op, args in ops.items():
            if args:
                out.append(f"static const struct slm_arg slm_args_{intent}_{op}[] = {{")
                for a in args:
                    kind = f"SLM_KIND_{a.kind.upper()}" if a.kind in QUOTING else "SLM_KIND_ENUM"
                    words = "NULL" if a.kind in QUOTING else f"slm_type_{a.kind}"
                    out.append(f"    {{{_quoted(a.lead)}, {kind}, {'true' if a.optional else 'false'}, {words}, ACTION_KEY_{a.name}}},")
                out.append("};")
        out.append(f"static const struct slm_op slm_ops_{intent}[] = {{")
        out += [f"    {{{_quoted(op)}, {f'slm_args_{intent}_{op}' if args else 'NULL'}, {len(args)}}}," for op, args in ops.items()]
        out += ["    {NULL, NULL, 0},", "};"]
    out.append("static const struct slm_op *const slm_grammar[] = {"
               + ", ".join(f"slm_ops_{i}" if i in g.ops else "NULL" for i in INTENTS) + "};")
    return "\n".join(out) + "\n"


def keys_header() -> str:
    ops = [f"{intent}_{op}" for intent, table in grammar().ops.items() for op in table]
    numbers = [f"{INTENTS.index(intent)} << 8 | {n}" for intent, table in grammar().ops.items() for n in range(len(table))]
    names = dict.fromkeys(arg.name for table in grammar().ops.values() for args in table.values() for arg in args)
    return "\n".join([
        "/* The ops and the arguments that actions have. Made by `python -m SLM.c_tables` from SLM/grammar.toml: change that. */",
        "#pragma once", "", "/* An op: its intent's place, then its own. */", "enum action_which {",
        *(f"    ACTION_{op} = {number}," for op, number in zip(ops, numbers, strict=True)), "};", "",
        "/* An argument without a key goes by the name of its type. */",
        "#define ACTION_KEYS(KEY) " + " ".join(f"KEY({name})" for name in names), "#define ACTION_KEY(name) ACTION_KEY_##name,",
        "enum action_key { ACTION_KEYS(ACTION_KEY) ACTION_KEY_COUNT };"]) + "\n"


def rules_header() -> str:
    shapes = {shape: f"\\x01{shape}" for shape in rules.SHAPES}
    out = ["/* The rule engine's rules. Made by `python -m SLM.c_tables` from SLM/rules/rules.txt. */",
           "#pragma once", "", '#include "slm.h"', "",
           "/* Groups are NULL-ended word lists one after the other, a second NULL ends them. A word that starts with \\x01 is",
           "   the name of a shape: a PCI id, an address, a number. */",
           "struct slm_rule {", "    unsigned char intent;", "    const char *op;", "    unsigned char groups;",
           "    const char *const *words, *const *never, *const *after;", "};",
           ""]

    def lists(words) -> str:
        return "(const char *const[]){" + ", ".join(['"' + shapes.get(w, w) + '"' for w in words] + ["NULL"]) + "}"

    rows = []
    for rule in rules.load():
        words = ", ".join(", ".join(['"' + shapes.get(w, w) + '"' for w in group] + ["NULL"]) for group in rule.groups)
        rows.append(f"    {{{INTENTS.index(rule.intent)}, {_quoted(rule.op)}, {len(rule.groups)}, (const char *const[]){{{words}, NULL}},\n"
                    f"     {lists(rule.never)}, {lists(rule.after)}}},")
    articles = f"static const char *const slm_articles[] = {_words(rules.ARTICLES)};"
    return "\n".join([*out, articles, "", "static const struct slm_rule slm_rule_table[] = {", *rows, "};"]) + "\n"


def spoken_header() -> str:
    out = ["/* What people say for what the grammar means. Made by `python -m SLM.c_tables` from SLM/data/slots.toml. */",
           "#pragma once", "", "struct slm_spoken { const char *type, *said, *meant; };", "",
           "/* Longest phrases first: the first that occurs in the sentence is meant. */",
           "static const struct slm_spoken slm_spoken_table[] = {"]
    out += [f"    {{{_quoted(kind)}, {_quoted(' '.join(said))}, {_quoted(meant)}}}," for kind, said, meant in rules.spoken()]
    return "\n".join([*out, "};"]) + "\n"


HEADERS = {"grammar_tables.h": grammar_header, "rule_tables.h": rules_header, "spoken_tables.h": spoken_header, KEYS: keys_header}

if __name__ == "__main__":
    for name, make in HEADERS.items():
        (HERE / name).write_text(make())
