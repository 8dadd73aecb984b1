/* The network set up by hand, and what sentences about it answer. */
#include "net.h"
#include "string.h"
#include "test.h"
#include "text.h"

static struct net_device spare = {.name = "spare"}; /* no list has it */

TEST(net_setup, takes_addresses_that_a_machine_can_have)
{
    spare = (struct net_device){.name = "spare", .gateway = IP4(192, 168, 1, 1)};
    EXPECT_TRUE(net_set_address(&spare, IP4(192, 168, 1, 10), 24, 0));
    EXPECT_EQ(spare.mask, IP4(255, 255, 255, 0));
    EXPECT_EQ(spare.gateway, IP4(192, 168, 1, 1));
    EXPECT_TRUE(net_set_address(&spare, IP4(10, 1, 2, 3), 8, 0));
    EXPECT_EQ(spare.gateway, 0); /* the old one does not lie there */
    EXPECT_TRUE(net_set_address(&spare, IP4(10, 1, 2, 3), 8, IP4(10, 0, 0, 1)));
    EXPECT_EQ(spare.gateway, IP4(10, 0, 0, 1));
    EXPECT_EQ(net_setup(&spare).lease, LEASE_NONE);
}

TEST(net_setup, refuses_addresses_that_none_can_have)
{
    static const struct { ip4 address; unsigned prefix; ip4 gateway; } wrong[] = {
        {0, 24, 0}, {IP4(10, 0, 2, 0), 24, 0}, {IP4(10, 0, 2, 255), 24, 0}, {IP4(224, 0, 0, 1), 24, 0},
        {IP4(127, 0, 0, 1), 8, 0}, {IP4(10, 0, 2, 5), 0, 0}, {IP4(10, 0, 2, 5), 32, 0},
        {IP4(10, 0, 2, 5), 24, IP4(10, 0, 3, 1)}, {IP4(10, 0, 2, 5), 24, IP4(10, 0, 2, 5)},
    };
    spare = (struct net_device){.name = "spare"};
    for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
        EXPECT_FALSE(net_set_address(&spare, wrong[i].address, wrong[i].prefix, wrong[i].gateway));
    EXPECT_EQ(spare.address, 0);
    EXPECT_FALSE(net_set_gateway(&spare, IP4(10, 0, 2, 2)));
}

TEST(net_setup, what_was_set_by_hand_is_kept)
{
    spare = (struct net_device){.name = "spare", .address = IP4(10, 0, 2, 5), .mask = IP4(255, 255, 255, 0)};
    EXPECT_TRUE(net_set_gateway(&spare, IP4(10, 0, 2, 9)));
    net_set_dns(&spare, IP4(10, 0, 2, 3));
    EXPECT_TRUE(spare.own_gateway && spare.own_dns);
}

TEST(net_action, tells_the_addresses)
{
    EXPECT_TRUE(text_glob("*The host name is auton.\n", test_action(ACTION_SYSTEM_MANAGE_address, "")));
}

TEST(net_action, lists_who_listens)
{
    struct tcp *listener = tcp_listen(7777, 1);
    ASSERT_TRUE(listener != NULL);
    EXPECT_TRUE(text_glob("*Port 7777 is open to everybody.\n*", test_action(ACTION_SYSTEM_MANAGE_connections, "")));
    tcp_close(listener);
    EXPECT_FALSE(text_glob("*7777*", test_action(ACTION_SYSTEM_MANAGE_connections, "")));
}

TEST(net_action, a_question_without_its_argument_is_asked)
{
    const char *answer = test_action(ACTION_INSTALL_CONFIGURE_route, "");
    EXPECT_TRUE(text_glob("Which gateway*", answer) || text_glob("There is no network card*", answer));
    answer = test_action(ACTION_INSTALL_CONFIGURE_address, "iface=eth7");
    EXPECT_TRUE(text_glob("There is no network card*", answer));
}
