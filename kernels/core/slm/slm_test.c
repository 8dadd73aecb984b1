/* The engine's parts that need no model and no floating point: cleaning, the grammar, the rule engine, bad files. */
#include "slm.h"

#include "string.h"
#include "test.h"

TEST(slm, cleans_a_sentence)
{
    char out[SLM_MAX_TEXT + 1];
    EXPECT_EQ(slm_clean(out, "  Set\tup \xe2\x80\x9cnginx\xe2\x80\x9d\n now\xe2\x80\xa6 "), 21);
    EXPECT_STR(out, "Set up \"nginx\" now...");
}

TEST(slm, never_writes_past_a_cleaned_sentence)
{
    static char text[600], out[SLM_MAX_TEXT + 1];
    memset(text, 'x', sizeof text - 1);
    EXPECT_EQ(slm_clean(out, text), SLM_MAX_TEXT);
    EXPECT_EQ(strlen(out), SLM_MAX_TEXT);
}

TEST(slm, an_action_quotes_the_sentence)
{
    static struct slm_sentence s;
    slm_sentence_read(&s, "serve http on port 8080", 23);
    EXPECT_TRUE(slm_action_state(&s, 3, " serve http port=8080", 21).end);
    EXPECT_FALSE(slm_action_state(&s, 3, " serve http port=9090", 21).end);
    EXPECT_TRUE(slm_action_state(&s, 3, " serve http port=80", 19).more);
}

TEST(slm, rules_answer_with_intent_and_action)
{
    struct slm_answer a;
    slm_rules("Restart Nginx please", &a);
    EXPECT_STR(slm_intents[a.intent], "SYSTEM_MANAGE");
    EXPECT_STR(a.action, "restart Nginx");
}

TEST(slm, a_keyword_inside_another_word_never_triggers)
{
    struct slm_answer a;
    slm_rules("describe the manuscript of a screenplay", &a);
    EXPECT_STR(slm_intents[a.intent], "NONE");
    EXPECT_STR(a.action, "");
}

TEST(slm, refuses_what_is_no_model)
{
    static struct slm_gguf g;
    static const uint8_t junk[64] = {'G', 'G', 'U', 'F', 3, 0, 0, 0, 255, 255, 255, 255};
    EXPECT_TRUE(slm_gguf_read(&g, "", 0) != NULL);
    EXPECT_TRUE(slm_gguf_read(&g, junk, sizeof junk) != NULL);
    EXPECT_TRUE(slm_gguf_read(&g, "XXXX", 4) != NULL);
}
