/* Sentences: what is performed, what is asked back, what waits for a yes. Readings are fed in, without an engine. */
#include "action.h"
#include "console.h"
#include "hostname.h"
#include "string.h"
#include "test.h"
#include "text.h"

static char said[2048];
static struct dialogue talk_to = {.by_rules = true};

static const char *offer(enum action_which op, const char *text, bool sure)
{
    console_capture(said, sizeof said);
    sentence_offer(&talk_to, op >> 8, text, sure);
    console_capture(NULL, 0);
    return said;
}

static const char *type_line(const char *line)
{
    char text[DIALOGUE_TEXT_MAX];
    text_copy(text, sizeof text, line);
    console_capture(said, sizeof said);
    console_execute(&talk_to, text);
    console_capture(NULL, 0);
    return said;
}

TEST(sentence, a_sure_one_is_performed)
{
    EXPECT_TRUE(text_glob("The host name is atlas now*", offer(ACTION_INSTALL_CONFIGURE_hostname, "hostname name=atlas", true)));
    EXPECT_STR(hostname(), "atlas");
    offer(ACTION_INSTALL_CONFIGURE_hostname, "hostname name=auton", true);
}

TEST(sentence, an_unsure_one_is_asked_back_and_done_after_yes)
{
    EXPECT_TRUE(text_glob("I am not sure*Did you mean: set the host name (name atlas)?*",
                          offer(ACTION_INSTALL_CONFIGURE_hostname, "hostname name=atlas", false)));
    EXPECT_STR(hostname(), "auton");
    EXPECT_TRUE(text_glob("The host name is atlas now*", type_line(" Yes. ")));
    offer(ACTION_INSTALL_CONFIGURE_hostname, "hostname name=auton", true);
    EXPECT_STR(type_line("yes"), "There is no question to say yes to.\n");
}

TEST(sentence, a_yes_holds_for_the_next_line_only)
{
    offer(ACTION_INSTALL_CONFIGURE_hostname, "hostname name=atlas", false);
    EXPECT_STR(type_line("echo between"), "between\n");
    EXPECT_STR(type_line("yes"), "There is no question to say yes to.\n");
    offer(ACTION_INSTALL_CONFIGURE_hostname, "hostname name=atlas", false);
    EXPECT_STR(type_line(""), "");
    EXPECT_STR(type_line("yes"), "There is no question to say yes to.\n");
    offer(ACTION_INSTALL_CONFIGURE_hostname, "hostname name=atlas", false);
    EXPECT_STR(type_line("no"), "Nothing was changed.\n");
    EXPECT_STR(type_line("yes"), "There is no question to say yes to.\n");
    EXPECT_STR(hostname(), "auton");
}

TEST(sentence, what_cannot_be_undone_waits_for_a_yes)
{
    EXPECT_STR(offer(ACTION_SYSTEM_MANAGE_poweroff, "poweroff", true),
               "This stops everything, and switches the machine off.\nType yes to go on; anything else leaves it as it is.\n");
    EXPECT_EQ(talk_to.waits, DIALOGUE_WARNED);
    type_line("no");
    EXPECT_EQ(talk_to.waits, DIALOGUE_NOTHING);
    offer(ACTION_SYSTEM_MANAGE_poweroff, "poweroff", false); /* a yes to a guess is none to the warning */
    type_line("yes");
    EXPECT_EQ(talk_to.waits, DIALOGUE_WARNED);
    type_line("no");
}

TEST(sentence, one_talk_does_not_answer_another)
{
    struct dialogue other = {0};
    char yes[] = "yes";
    offer(ACTION_INSTALL_CONFIGURE_hostname, "hostname name=atlas", false);
    console_capture(said, sizeof said);
    console_execute(&other, yes);
    console_capture(NULL, 0);
    EXPECT_STR(said, "There is no question to say yes to.\n");
    EXPECT_STR(hostname(), "auton");
    type_line("no");
}

TEST(sentence, what_is_not_of_the_grammar_is_never_performed)
{
    EXPECT_TRUE(text_glob("I could not tell what to do*", offer(ACTION_SYSTEM_MANAGE_poweroff, "", true)));
    EXPECT_TRUE(text_glob("I could not tell what to do*", offer(ACTION_SYSTEM_MANAGE_poweroff, "power", true)));
    EXPECT_TRUE(text_glob("I could not make sense*", offer(ACTION_SYSTEM_MANAGE_poweroff, "poweroff now", true)));
    EXPECT_EQ(talk_to.waits, DIALOGUE_NOTHING);
}

TEST(sentence, what_nothing_here_can_do_gets_one_honest_line)
{
    EXPECT_STR(offer(ACTION_INSTALL_CONFIGURE_wifi, "wifi ssid=home", true),
               "This machine can't use wireless networks, only its cable. Type: what is my ip\n");
    EXPECT_TRUE(text_glob("This machine can't sleep*", offer(ACTION_SYSTEM_MANAGE_suspend, "suspend", false)));
}

TEST(sentence, one_that_is_too_long_to_be_read_whole_is_refused)
{
    static char line[400];
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "power off ", 10);
    EXPECT_TRUE(text_glob("That is too long for me*", type_line(line)));
}

TEST(sentence, a_line_that_does_not_fit_its_command_is_a_sentence)
{
    EXPECT_TRUE(command_alone(1, NULL));
    EXPECT_FALSE(text_glob("*panic*", type_line("help me with my homework")));
    EXPECT_FALSE(text_glob("echo *print its arguments*", said));
    EXPECT_TRUE(text_glob("*echo *print its arguments*", type_line("help")));
}

TEST(sentence, a_slip_in_a_command_is_asked_about)
{
    static const char *const slips[] = {"helpp", "hepl", " Help ", "hlp", "help!"};
    for (unsigned i = 0; i < ARRAY_LEN(slips); i++)
        EXPECT_TRUE(text_glob("There is no such command. Did you mean: help (list the commands)?*", type_line(slips[i])));
    EXPECT_TRUE(text_glob("*echo *print its arguments*", type_line("yes")));
    EXPECT_STR(type_line("yes"), "There is no question to say yes to.\n");
    type_line("verison");
    EXPECT_STR(type_line("no"), "Nothing was changed.\n");
    EXPECT_STR(type_line("yes"), "There is no question to say yes to.\n");
}

TEST(sentence, what_is_no_slip_is_not_taken_for_a_command)
{
    static const char *const others[] = {"ram", "ps", "hello", "helpp me", "rules: helpp", "helppp",
                                         "a-word-of-more-letters-than-any-command-has-got"};
    for (unsigned i = 0; i < ARRAY_LEN(others); i++)
        EXPECT_FALSE(text_glob("There is no such command*", type_line(others[i])));
    EXPECT_FALSE(text_glob("There is no such command*", type_line("logs"))); /* near to log, but the rules read it */
    type_line("no");
}

TEST(sentence, a_question_mark_is_help)
{
    EXPECT_TRUE(text_glob("*echo *print its arguments*", type_line("?")));
}

TEST(sentence, the_rules_alone_can_be_asked)
{
    EXPECT_TRUE(text_glob("The host name is atlas now*", type_line("rules: set the hostname to atlas")));
    EXPECT_STR(hostname(), "atlas");
    offer(ACTION_INSTALL_CONFIGURE_hostname, "hostname name=auton", true);
    EXPECT_TRUE(text_glob("I did not understand*", type_line("rules: describe the manuscript")));
    EXPECT_STR(type_line("rules:"), "");
}
