/* TCP through the loopback device: both sides of every connection are ours. A device that loses, doubles and reorders
   packets on demand stands in for a bad network. */
#include "mm.h"
#include "net_internal.h"
#include "random.h"
#include "string.h"
#include "tcp_internal.h"
#include "test.h"

enum { TCP_TEST_PORT = 7001 };
#define HERE IP4(127, 0, 0, 1)
#define SOON (hal_time_ns() + 20 * NS_PER_S)

static struct tcp *listener;

static void echo_one(struct tcp *tcp)
{
    static char buffer[5000];
    long size;
    while ((size = tcp_read(tcp, buffer, sizeof buffer, SOON)) > 0)
        if (tcp_write(tcp, buffer, (size_t)size, SOON) < 0)
            break;
    tcp_close(tcp);
}

static void echo_server(void *arg)
{
    for (unsigned i = 0; i < (uintptr_t)arg; i++) {
        struct tcp *tcp = tcp_accept(listener, SOON);
        if (tcp)
            echo_one(tcp);
    }
}

static struct thread *start_server(unsigned connections)
{
    listener = tcp_listen(TCP_TEST_PORT, 64);
    return listener ? thread_start("echo", CLASS_SYSTEM, echo_server, (void *)(uintptr_t)connections) : NULL;
}

static void stop_server(struct thread *thread)
{
    thread_join(thread);
    tcp_close(listener);
}

/* Connections that are not just waiting out their end. */
static unsigned live(void)
{
    unsigned count = 0;
    mutex_take(&net_lock);
    for (struct tcp *tcp = tcp_all; tcp; tcp = tcp->next)
        count += tcp->state != TIME_WAIT;
    mutex_give(&net_lock);
    return count;
}

static void wait_until_gone(void)
{
    for (int i = 0; i < 5000 && live(); i++)
        time_sleep_ns(NS_PER_MS);
}

TEST(tcp, connects_talks_and_closes)
{
    char answer[8] = {0};
    struct thread *server = start_server(1);
    ASSERT_TRUE(server != NULL);
    struct tcp *tcp = tcp_connect(HERE, TCP_TEST_PORT, SOON);
    ASSERT_TRUE(tcp != NULL);
    EXPECT_EQ(tcp_write(tcp, "hello", 5, SOON), 5);
    EXPECT_EQ(tcp_read(tcp, answer, sizeof answer, SOON), 5);
    EXPECT_STR(answer, "hello");
    EXPECT_EQ(tcp_read(tcp, answer, sizeof answer, hal_time_ns() + NS_PER_MS), TCP_TIMEOUT);
    tcp_close(tcp);
    stop_server(server);
    wait_until_gone();
    EXPECT_EQ(live(), 0);
}

TEST(tcp, a_port_nobody_listens_on_refuses_at_once)
{
    uint64_t start = hal_time_ns();
    EXPECT_TRUE(tcp_connect(HERE, TCP_TEST_PORT + 1, start + 30 * NS_PER_S) == NULL);
    EXPECT_TRUE(hal_time_ns() - start < 20 * NS_PER_S);
    EXPECT_TRUE(tcp_connect(IP4(192, 0, 2, 1), 80, hal_time_ns() + NS_PER_MS) == NULL);
}

TEST(tcp, a_port_can_be_listened_on_once)
{
    struct tcp *first = tcp_listen(TCP_TEST_PORT, 1);
    EXPECT_TRUE(first != NULL);
    EXPECT_TRUE(tcp_listen(TCP_TEST_PORT, 1) == NULL);
    tcp_close(first);
    first = tcp_listen(TCP_TEST_PORT, 1);
    EXPECT_TRUE(first != NULL);
    tcp_close(first);
}

/* Round trips of a byte through an echo server on the loopback device; the packets that they took. */
static uint64_t packets_of(unsigned round_trips)
{
    struct thread *server = start_server(1);
    struct tcp *tcp = server ? tcp_connect(HERE, TCP_TEST_PORT, SOON) : NULL;
    char byte = 'x';
    if (!tcp)
        return 0;
    uint64_t before = net_first()->sent;
    for (unsigned i = 0; i < round_trips; i++)
        if (tcp_write(tcp, &byte, 1, SOON) != 1 || tcp_read(tcp, &byte, 1, SOON) != 1)
            break;
    uint64_t packets = net_first()->sent - before;
    tcp_close(tcp);
    stop_server(server);
    return packets;
}

TEST(tcp, an_answer_takes_the_acknowledgement_along)
{
    uint64_t packets = packets_of(50);
    EXPECT_TRUE(packets >= 100 && packets <= 130); /* a hundred, and some by the clock on a busy machine */
}

TEST(tcp, what_nobody_answers_is_acknowledged_all_the_same)
{
    listener = tcp_listen(TCP_TEST_PORT, 1);
    struct tcp *client = tcp_connect(HERE, TCP_TEST_PORT, SOON), *server = tcp_accept(listener, SOON);
    ASSERT_TRUE(client && server);
    EXPECT_EQ(tcp_write(client, "x", 1, SOON), 1);
    uint64_t start = hal_time_ns();
    bool acked = false;
    while (!acked && hal_time_ns() < start + 20 * NS_PER_S) {
        time_sleep_ns(NS_PER_MS);
        mutex_take(&net_lock);
        acked = client->snd_una == client->snd_max && !client->send_used;
        mutex_give(&net_lock);
    }
    EXPECT_TRUE(acked);
    EXPECT_EQ(client->retries, 0); /* it was not sent again for that */
    tcp_abort(client);
    tcp_abort(server);
    tcp_close(listener);
}

/* -- A bad network ---------------------------------------------------------------------------------------- */

static bool (*good_send)(struct net_device *device, struct packet *packet);
static unsigned lose_every, swap_every, double_every, passed;
static struct packet *delayed;

static struct packet *copy_of(const struct packet *packet)
{
    struct packet *copy = packet_new();
    if (copy)
        packet_append(copy, packet->data, packet->length);
    return copy;
}

static bool bad_send(struct net_device *device, struct packet *packet)
{
    passed++;
    if (lose_every && passed % lose_every == 0) {
        packet_free(packet);
        return true;
    }
    if (double_every && passed % double_every == 0) {
        struct packet *copy = copy_of(packet);
        if (copy)
            good_send(device, copy);
    }
    if (swap_every && passed % swap_every == 0 && !delayed) {
        delayed = packet;
        return true;
    }
    bool sent = good_send(device, packet);
    if (delayed) {
        struct packet *late = delayed;
        delayed = NULL;
        good_send(device, late);
    }
    return sent;
}

static void network(unsigned lose, unsigned swap, unsigned repeat)
{
    struct net_device *device = net_first();
    mutex_take(&net_lock);
    if (!good_send)
        good_send = device->send;
    lose_every = lose, swap_every = swap, double_every = repeat, passed = 0;
    bool bad = lose || swap || repeat;
    device->send = bad ? bad_send : good_send;
    tcp_rto_min_ns = bad ? 10 * NS_PER_MS : TCP_RTO_MIN_NS; /* what is lost is to be sent again, not waited for */
    if (delayed)
        good_send(device, delayed);
    delayed = NULL;
    mutex_give(&net_lock);
}

static void send_pattern(void *arg)
{
    struct tcp *tcp = arg;
    uint8_t block[1000];
    for (uint32_t at = 0; at < 200000; at += sizeof block) {
        for (uint32_t i = 0; i < sizeof block; i++)
            block[i] = (uint8_t)((at + i) * 31 >> 3);
        if (tcp_write(tcp, block, sizeof block, SOON) < 0)
            return;
    }
}

/* Sends 200,000 bytes through the echo server and back; the number that came back right, negative if one came back wrong. */
static int64_t echo_pattern(void)
{
    struct thread *server = start_server(1);
    struct tcp *tcp = server ? tcp_connect(HERE, TCP_TEST_PORT, SOON) : NULL;
    static uint8_t block[3000];
    uint32_t at = 0, wrong = 0;
    long size;
    if (!tcp)
        return 0;
    struct thread *sender = thread_start("sender", CLASS_SYSTEM, send_pattern, tcp);
    while (at < 200000 && (size = tcp_read(tcp, block, sizeof block, SOON)) > 0)
        for (long i = 0; i < size; i++, at++)
            if (block[i] != (uint8_t)(at * 31 >> 3) && !wrong)
                wrong = at + 1;
    thread_join(sender);
    tcp_close(tcp);
    stop_server(server);
    return wrong ? -(int64_t)wrong : at;
}

TEST(tcp, carries_much_data_unchanged)
{
    EXPECT_EQ(echo_pattern(), 200000);
}

TEST(tcp, survives_lost_packets)
{
    network(23, 0, 0);
    EXPECT_EQ(echo_pattern(), 200000);
    network(0, 0, 0);
}

TEST(tcp, survives_reordered_and_doubled_packets)
{
    network(0, 5, 7);
    EXPECT_EQ(echo_pattern(), 200000);
    network(0, 0, 0);
}

/* Both sides have all that the other sent, and neither hears so: both go back and send again what is not wanted any more. */
enum { CROSSING = 4000, HELD_MAX = 16 };
static struct packet *held[HELD_MAX];
static unsigned held_count;

static bool hold_send(struct net_device *device, struct packet *packet)
{
    (void)device;
    if (held_count < HELD_MAX)
        held[held_count++] = packet;
    else
        packet_free(packet);
    return true;
}

static bool deaf_send(struct net_device *device, struct packet *packet)
{
    if (packet->length > 500)
        return good_send(device, packet);
    packet_free(packet); /* an acknowledgement */
    return true;
}

static void sends_by(bool (*send)(struct net_device *, struct packet *))
{
    mutex_take(&net_lock);
    net_first()->send = send;
    for (unsigned i = 0; send == deaf_send && i < held_count; i++)
        good_send(net_first(), held[i]);
    mutex_give(&net_lock);
}

TEST(tcp, lost_acknowledgements_begin_no_war_of_acknowledgements)
{
    static uint8_t bytes[CROSSING], heard[CROSSING];
    listener = tcp_listen(TCP_TEST_PORT, 1);
    struct tcp *client = tcp_connect(HERE, TCP_TEST_PORT, SOON), *served = tcp_accept(listener, SOON);
    ASSERT_TRUE(client && served);
    network(0, 0, 1u << 30); /* lossless, but impatient */
    held_count = 0;
    sends_by(hold_send);
    EXPECT_EQ(tcp_write(client, bytes, CROSSING, SOON), CROSSING);
    EXPECT_EQ(tcp_write(served, bytes, CROSSING, SOON), CROSSING);
    sends_by(deaf_send);
    time_sleep_ns(100 * NS_PER_MS);
    passed = 0;
    sends_by(bad_send);
    for (int i = 0; i < 500 && (client->send_used || served->send_used); i++)
        time_sleep_ns(10 * NS_PER_MS);
    EXPECT_TRUE(!client->send_used && !served->send_used);
    EXPECT_TRUE(passed < 20);
    EXPECT_TRUE(tcp_read(client, heard, CROSSING, SOON) > 0 && tcp_read(served, heard, CROSSING, SOON) > 0);
    network(0, 0, 0);
    tcp_close(client);
    tcp_close(served);
    tcp_close(listener);
}

/* -- Many, and rude, clients -------------------------------------------------------------------------------- */

TEST(tcp, serves_64_connections_at_once)
{
    enum { COUNT = 64 };
    static struct tcp *clients[COUNT], *served[COUNT];
    char byte = 0;
    listener = tcp_listen(TCP_TEST_PORT, COUNT);
    ASSERT_TRUE(listener != NULL);
    for (unsigned i = 0; i < COUNT; i++) {
        clients[i] = tcp_connect(HERE, TCP_TEST_PORT, SOON);
        served[i] = tcp_accept(listener, SOON);
        ASSERT_TRUE(clients[i] && served[i]);
    }
    for (unsigned i = 0; i < COUNT; i++)
        EXPECT_EQ(tcp_write(clients[COUNT - 1 - i], &(char){(char)i}, 1, SOON), 1);
    for (unsigned i = 0; i < COUNT; i++) {
        EXPECT_EQ(tcp_read(served[i], &byte, 1, SOON), 1);
        EXPECT_EQ(byte, COUNT - 1 - i);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        tcp_close(clients[i]);
        tcp_close(served[i]);
    }
    tcp_close(listener);
    wait_until_gone();
    EXPECT_EQ(live(), 0);
}

TEST(tcp, a_reader_who_does_not_read_stops_the_writer)
{
    static char block[TCP_RING];
    listener = tcp_listen(TCP_TEST_PORT, 1);
    struct tcp *client = tcp_connect(HERE, TCP_TEST_PORT, SOON), *server = tcp_accept(listener, SOON);
    ASSERT_TRUE(client && server);
    EXPECT_EQ(tcp_write(client, block, sizeof block, SOON), sizeof block);
    tcp_write(client, block, sizeof block, hal_time_ns() + 20 * NS_PER_MS);
    EXPECT_EQ(tcp_write(client, block, sizeof block, hal_time_ns() + 20 * NS_PER_MS), TCP_TIMEOUT);
    uint64_t got = 0;
    for (long size; got < 2 * sizeof block && (size = tcp_read(server, block, sizeof block, SOON)) > 0;)
        got += (uint64_t)size;
    EXPECT_TRUE(got >= 2 * sizeof block); /* the shut window opened again */
    tcp_abort(client);
    tcp_abort(server);
    tcp_close(listener);
}

TEST(tcp, an_aborted_connection_tells_the_other_side)
{
    char byte;
    listener = tcp_listen(TCP_TEST_PORT, 1);
    struct tcp *client = tcp_connect(HERE, TCP_TEST_PORT, SOON), *server = tcp_accept(listener, SOON);
    ASSERT_TRUE(client && server);
    tcp_abort(client);
    EXPECT_EQ(tcp_read(server, &byte, 1, SOON), TCP_BROKEN);
    EXPECT_EQ(tcp_write(server, "x", 1, SOON), TCP_BROKEN);
    tcp_close(server);
    tcp_close(listener);
    wait_until_gone();
    EXPECT_EQ(live(), 0);
}

TEST(tcp, a_guessed_reset_does_not_break_a_connection)
{
    char byte = 0;
    listener = tcp_listen(TCP_TEST_PORT, 1);
    struct tcp *client = tcp_connect(HERE, TCP_TEST_PORT, SOON), *server = tcp_accept(listener, SOON);
    ASSERT_TRUE(client && server);
    mutex_take(&net_lock);
    tcp_send_reset(HERE, client->local_port, HERE, TCP_TEST_PORT, server->rcv_nxt + 100, 0, RST);
    mutex_give(&net_lock);
    EXPECT_EQ(tcp_write(client, "x", 1, SOON), 1);
    EXPECT_EQ(tcp_read(server, &byte, 1, SOON), 1);
    tcp_close(client);
    tcp_close(server);
    tcp_close(listener);
}
