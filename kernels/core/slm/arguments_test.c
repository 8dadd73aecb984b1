/* Actions into typed arguments, and that every op of the grammar has an answer. */
#include "action.h"
#include "string.h"
#include "test.h"
#include "text.h"

#include "grammar_tables.h"

static struct action action;
static char why[ACTION_REASON_MAX];

static bool reads(enum action_which op, const char *text)
{
    return action_read(&action, op >> 8, text, why) && action.which == op;
}

TEST(action, arguments_are_typed)
{
    ASSERT_TRUE(reads(ACTION_APP_INSTALL_serve, "serve http port=8080"));
    EXPECT_STR(action.role.text, "http");
    EXPECT_EQ(action.port.number, 8080);
    EXPECT_FALSE(action.word.given);
    ASSERT_TRUE(reads(ACTION_INSTALL_CONFIGURE_address, "address ip=10.0.2.20/24 gateway=10.0.2.2"));
    EXPECT_EQ(action.ip.number, 0x0a000214);
    EXPECT_EQ(action.ip.prefix, 24);
    EXPECT_EQ(action.gateway.prefix, 0);
    ASSERT_TRUE(reads(ACTION_DRIVER_SELECT_find, "find id=8086:100E"));
    EXPECT_STR(action.id.text, "8086:100e");
    ASSERT_TRUE(reads(ACTION_HARDWARE_IDENTIFY_identify, "identify device=\"intel i210 card\""));
    EXPECT_STR(action.device.text, "intel i210 card");
}

TEST(action, what_cannot_be_is_refused)
{
    EXPECT_FALSE(reads(ACTION_APP_INSTALL_serve, "serve http port=65536"));
    EXPECT_FALSE(reads(ACTION_APP_INSTALL_serve, "serve http port=0"));
    EXPECT_FALSE(reads(ACTION_APP_INSTALL_serve, "serve http port=99999999999999999999"));
    EXPECT_FALSE(reads(ACTION_APP_INSTALL_serve, "serve teapot"));
    EXPECT_FALSE(reads(ACTION_INSTALL_CONFIGURE_address, "address ip=300.1.1.1"));
    EXPECT_FALSE(reads(ACTION_INSTALL_CONFIGURE_address, "address ip=10.0.0.1/33"));
    EXPECT_FALSE(reads(ACTION_DRIVER_SELECT_find, "find id=8086-100e"));
}

TEST(action, what_is_not_of_the_grammar_is_refused)
{
    static const char *const wrong[] = {"", " ", "serves http", "serve http http", "serve http port=80 port=81", "remove",
                                        "serve port=", "serve  http", "install a b", "search about=\"open", "=", "install \""};
    for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
        EXPECT_FALSE(reads(ACTION_APP_INSTALL_serve, wrong[i]) || reads(ACTION_APP_INSTALL_install, wrong[i]) ||
                     reads(ACTION_APP_INSTALL_remove, wrong[i]) || reads(ACTION_APP_INSTALL_search, wrong[i]));
    EXPECT_FALSE(action_read(&action, slm_intent_count - 1, "install", why));
    EXPECT_FALSE(action_read(&action, 99, "install", why));
}

TEST(action, every_op_of_the_grammar_has_one_answer)
{
    const struct action_entry *const *entry;
    for (unsigned intent = 0; intent + 1 < slm_intent_count; intent++)
        for (unsigned op = 0; slm_grammar[intent][op].name; op++) {
            unsigned found = 0;
            FOR_REGISTERED(entry, actions)
                found += (*entry)->which == (intent << 8 | op);
            if (!EXPECT_EQ(found, 1))
                test_bool(test, __FILE__, __LINE__, slm_grammar[intent][op].name, false, true);
        }
    FOR_REGISTERED(entry, actions)
        EXPECT_TRUE((*entry)->perform ? (*entry)->means != NULL : (*entry)->instead != NULL);
}

TEST(action, is_described_as_a_person_would)
{
    char text[80];
    ASSERT_TRUE(reads(ACTION_APP_INSTALL_serve, "serve http port=8080"));
    action_describe(&action, text, sizeof text);
    EXPECT_STR(text, "be a server (port 8080, role http)");
    action_describe(&action, text, 8);
    EXPECT_STR(text, "be a se");
}
