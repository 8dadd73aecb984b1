/* DNS messages by the byte, and server and resolver against each other over loopback. */
#include "dns_message.h"
#include "string.h"
#include "test.h"

static uint8_t message[DNS_MESSAGE_MAX];

TEST(dns, writes_a_query_and_reads_it_back)
{
    struct dns_question question;
    size_t size = dns_write_query(message, 0x1234, "www.example.org.");
    ASSERT_EQ(size, 12 + 17 + 4);
    ASSERT_TRUE(dns_read_question(message, size, &question));
    EXPECT_STR(question.name, "www.example.org");
    EXPECT_EQ(question.id, 0x1234);
    EXPECT_EQ(question.type, DNS_TYPE_A);
    for (size_t cut = 0; cut < size; cut++)
        EXPECT_FALSE(dns_read_question(message, cut, &question));
}

TEST(dns, refuses_names_that_cannot_be)
{
    char label[80];
    memset(label, 'a', sizeof label - 1);
    label[sizeof label - 1] = 0;
    EXPECT_EQ(dns_write_query(message, 1, ""), 0);
    EXPECT_EQ(dns_write_query(message, 1, "a..b"), 0);
    EXPECT_EQ(dns_write_query(message, 1, label), 0);
}

TEST(dns, answers_are_believed_for_their_question_only)
{
    uint8_t query[DNS_MESSAGE_MAX];
    struct dns_question question;
    ip4 address = 0;
    uint32_t ttl = 0;
    size_t size = dns_write_query(query, 7, "Auton.Local");
    ASSERT_TRUE(dns_read_question(query, size, &question));
    size = dns_write_answer(message, query, &question, DNS_OK, IP4(10, 1, 2, 3), 60);
    EXPECT_TRUE(dns_read_answer(message, size, 7, "auton.local", &address, &ttl));
    EXPECT_EQ(address, IP4(10, 1, 2, 3));
    EXPECT_EQ(ttl, 60);
    EXPECT_FALSE(dns_read_answer(message, size, 8, "auton.local", &address, &ttl));
    EXPECT_FALSE(dns_read_answer(message, size, 7, "other.local", &address, &ttl));
    size = dns_write_answer(message, query, &question, DNS_NO_NAME, 0, 0);
    EXPECT_TRUE(dns_read_answer(message, size, 7, "auton.local", &address, &ttl));
    EXPECT_EQ(address, 0);
}

TEST(dns, a_name_that_points_at_itself_ends)
{
    static const uint8_t looping[] = {0, 7, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1};
    ip4 address;
    uint32_t ttl;
    EXPECT_FALSE(dns_read_answer(looping, sizeof looping, 7, "x", &address, &ttl));
}

TEST(dns, follows_an_alias)
{
    static const uint8_t answer[] = {0, 7, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1,
                                     0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 3, 1, 'b', 0,
                                     1, 'b', 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 9};
    ip4 address = 0;
    uint32_t ttl;
    EXPECT_TRUE(dns_read_answer(answer, sizeof answer, 7, "a", &address, &ttl));
    EXPECT_EQ(address, IP4(10, 0, 0, 9));
}

TEST(dns, resolves_from_its_own_server)
{
    struct net_device *lo = net_first();
    ip4 address = 0;
    mutex_take(&net_lock);
    lo->dns = IP4(127, 0, 0, 1);
    mutex_give(&net_lock);
    dns_server_start();
    EXPECT_TRUE(dns_host("printer.local", IP4(192, 0, 2, 7)));
    EXPECT_TRUE(dns_resolve("Printer.local", &address, hal_time_ns() + 20 * NS_PER_S));
    EXPECT_EQ(address, IP4(192, 0, 2, 7));
    EXPECT_TRUE(dns_resolve("auton", &address, hal_time_ns() + 20 * NS_PER_S));
    EXPECT_EQ(address, IP4(127, 0, 0, 1));
    EXPECT_FALSE(dns_resolve("nowhere.local", &address, hal_time_ns() + 20 * NS_PER_S));
    EXPECT_TRUE(dns_answers(IP4(127, 0, 0, 1), hal_time_ns() + 20 * NS_PER_S));
    dns_server_stop();
    EXPECT_EQ(dns_server_port(), 0);
    EXPECT_FALSE(dns_answers(IP4(127, 0, 0, 1), hal_time_ns() + 20 * NS_PER_MS));
    mutex_take(&net_lock);
    lo->dns = 0;
    mutex_give(&net_lock);
}
