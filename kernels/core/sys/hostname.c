/* The machine's name (hostname.h), and the sentence that sets it. */
#include "hostname.h"
#include "action.h"
#include "net.h"
#include "print.h"
#include "string.h"
#include "text.h"
#include "vfs.h"

static char current[HOSTNAME_MAX] = "auton";

const char *hostname(void) { return current; }

static bool is_name_char(char c)
{
    return text_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

bool hostname_set(const char *name)
{
    size_t length = strlen(name);
    if (!length || length >= HOSTNAME_MAX || name[0] == '-' || name[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_name_char(name[i]))
            return false;
    text_copy(current, sizeof current, name);
    dns_own_name(current);
    return true;
}

static void print_hostname(struct proc_text *text) { proc_print(text, "%s\n", current); }
PROC_FILE(hostname, print_hostname);

static void set_hostname(const struct action *action)
{
    if (hostname_set(action->name.text))
        kprintf("The host name is %s now, until the machine is switched off.\n", current);
    else
        kprintf("'%.63s' is no host name: letters, digits and inner hyphens, at most 63.\n", action->name.text);
}
ACTION(INSTALL_CONFIGURE, hostname, "set the host name", set_hostname, .changes = true);
