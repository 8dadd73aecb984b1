# Which files are compiled as one: awk -f units.awk -v out=FOLDER [-v lines=N] KIND FILE.c... [KIND FILE.c...] HEADERS FILE.h...
#
# A unit is a list of #includes of at most N lines of C, written to out/KIND<n>.c; what is printed is the units' names.
# A file joins the first unit of its kind in which nobody has a name of its file scope (a function's, variable's, type's,
# tag's, constant's or macro's), so that two files may have a `static char text[32]` each: as one, they would share it
# without a word. A name that a header has sends a file into a unit of its own.
# What isn't seen here is a declaration that a macro makes; the compiler then says so.

BEGIN {
    RS = "\001" # a record is a file
    if (!lines) lines = 3000
    for (i = 1; i < ARGC; i++)
        if (ARGV[i] ~ /\./) kind[ARGV[i]] = named
        else {
            named = ARGV[i]
            if (named != "HEADERS") kinds[++kind_count] = named
            ARGV[i] = ""
        }
}

{
    files[++count] = FILENAME
    size[FILENAME] = gsub(/\n/, "\n")
    read_names(without_comments($0))
}

END {
    for (k = 1; k <= kind_count; k++)
        for (i = 1; i <= count; i++)
            if (kind[files[i]] == kinds[k]) place(files[i], kinds[k])
    for (u = 1; u <= units; u++) {
        write_if_new(out "/" unit[u] ".c", text[u])
        print unit[u]
    }
}

# Strings and comments may hold anything, so they go first, and characters before those.
function without_comments(text)
{
    gsub(/\\\n/, " ", text)
    gsub(/'(\\.|[^'\\\n])'/, "0", text)
    gsub(/"(\\.|[^"\\\n])*"/, "0", text)
    gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", text)
    gsub(/\/\/[^\n]*/, "", text)
    return text
}

# What stands outside all braces is cut into declarations at ; and at the end of a function.
function read_names(text,    line, i, n, depth, head, body, part, sign)
{
    n = split(text, line, "\n")
    text = ""
    for (i = 1; i <= n; i++) {
        if (line[i] !~ /^[ \t]*#/) text = text line[i] "\n"
        else if (match(line[i], /^[ \t]*#[ \t]*define[ \t]+[A-Za-z_0-9]+/)) note(last_word(substr(line[i], 1, RLENGTH)), 1)
    }
    while (match(text, /[{};]/)) {
        part = substr(text, 1, RSTART - 1)
        sign = substr(text, RSTART, 1)
        text = substr(text, RSTART + 1)
        if (!depth) head = head part
        else if (depth == 1) body = body part
        if (sign == "{" && !depth++) body = ""
        if (sign == "}" && !--depth) {
            if (head ~ /(^|[^A-Za-z_0-9])enum[^A-Za-z_0-9(]/ && head !~ /\)/) constants(body)
            if (head ~ /\)[ \t\n]*$/ && head !~ /=/) sign = ";"
            else head = head "{}"
        }
        if (sign == ";" && !depth) {
            declaration(head)
            head = ""
        }
    }
}

function constants(body,    part, n, i)
{
    n = split(body, part, ",")
    for (i = 1; i <= n; i++)
        if (match(part[i], /[A-Za-z_][A-Za-z_0-9]*/)) note(substr(part[i], RSTART, RLENGTH), 1)
}

function declaration(head,    part, n, i, own)
{
    own = head ~ /(^|[^A-Za-z_0-9])(static|typedef)[^A-Za-z_0-9]/
    if (match(head, /(struct|union|enum)[ \t\n]+[A-Za-z_0-9]+[ \t\n]*\{/)) # a tag
        note("struct " last_word(substr(head, RSTART, RLENGTH - 1)), 1)
    gsub(/__attribute__[ \t\n]*\(\(([^()]|\([^()]*\))*\)\)/, " ", head)
    gsub(/\{\}/, " ", head)
    gsub(/\[[^]]*\]/, " ", head)
    gsub(/=[^,]*/, " ", head)
    sub(/^[ \t\n]*(struct|union|enum)([ \t\n]+[A-Za-z_0-9]+)?[ \t\n]*$/, "", head) # nothing but the tag
    if (match(head, /[^ \t\n][ \t\n]*\(/) && substr(head, RSTART) !~ /^.[ \t\n]*\([ \t\n]*\*/)
        head = substr(head, 1, RSTART) # a function: its name stands before the parenthesis
    else if (match(head, /\([ \t\n*]*[A-Za-z_0-9]+/))
        head = substr(head, RSTART, RLENGTH) # a pointer to one: behind the star
    n = split(head, part, ",")
    for (i = 1; i <= n; i++)
        if ((part[i] = last_word(part[i])) !~ /^[A-Z_0-9]+$/) note(part[i], own) # not TEST and the like
}

function last_word(text)
{
    sub(/[^A-Za-z_0-9]+$/, "", text)
    sub(/.*[^A-Za-z_0-9]/, "", text)
    return text
}

# `own` is what no other file can mean by the same name, as it can by that of a function without `static`.
function note(name, own)
{
    if (name !~ /^[A-Za-z_]/) return
    if (kind[FILENAME] == "HEADERS") in_header[name] = 1
    else if (!((FILENAME, name) in noted)) {
        noted[FILENAME, name] = 1
        names[FILENAME] = names[FILENAME] "," name
        if (own) private[FILENAME, name] = 1
    }
}

function place(file, kind,    name, n, i, u, alone)
{
    n = split(substr(names[file], 2), name, ",")
    for (i = 1; i <= n; i++) if ((file, name[i]) in private && name[i] in in_header) alone = 1
    for (u = 1; u <= units && (alone || !fits(file, kind, u, name, n)); u++) ;
    if (u > units) {
        units = u
        unit[u] = kind (++number[kind])
        open_to[u] = alone ? "" : kind
    }
    for (i = 1; i <= n; i++) taken[u, name[i]] = 1
    length_of[u] += size[file]
    text[u] = text[u] "#include \"" file "\"\n"
}

function fits(file, kind, u, name, n,    i)
{
    if (open_to[u] != kind || length_of[u] + size[file] > lines) return 0
    for (i = 1; i <= n; i++) if ((u, name[i]) in taken) return 0
    return 1
}

function write_if_new(path, text,    old)
{
    if ((getline old < path) <= 0 || old != text) {
        close(path)
        printf "%s", text > path
    }
    close(path)
}
