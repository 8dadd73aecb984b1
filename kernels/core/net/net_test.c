/* The lower half of the network: checksums, addresses, answers to crafted frames, and the real device if there is one. */
#include "net.h"
#include "net_internal.h"
#include "string.h"
#include "test.h"

TEST(net, checksum_is_that_of_rfc_1071)
{
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}; /* RFC 1071, section 3 */
    EXPECT_EQ(checksum(0, example, sizeof example), (uint16_t)~0xddf2);
    EXPECT_EQ(checksum(0, example, 1), 0xffff);
    EXPECT_EQ(checksum(0, "\xff", 1), 0x00ff);
}

TEST(net, a_checksum_does_not_depend_on_where_the_bytes_lie)
{
    static uint8_t bytes[96];
    for (unsigned start = 0; start < 9; start++)
        for (unsigned size = 0; size <= 64; size++) {
            uint32_t sum = 0x12345;
            for (unsigned i = 0; i < size; i++) {
                bytes[start + i] = (uint8_t)(0xff - i * i);
                sum += i % 2 ? bytes[start + i] : (uint32_t)bytes[start + i] << 8;
            }
            while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
            ASSERT_EQ(checksum(0x12345, bytes + start, size), (uint16_t)~sum);
        }
}

TEST(net, addresses_are_read_and_written)
{
    static const char *const wrong[] = {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "a.b.c.d", "1..2.3", "00001.2.3.4"};
    char text[IP4_TEXT];
    ip4 address = 0;
    EXPECT_TRUE(ip4_parse("10.0.2.15", &address));
    EXPECT_EQ(address, IP4(10, 0, 2, 15));
    EXPECT_STR(ip4_text(IP4_BROADCAST, text), "255.255.255.255");
    for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
        EXPECT_FALSE(ip4_parse(wrong[i], &address));
}

TEST(net, packets_grow_at_both_ends_within_their_room)
{
    struct packet *packet = packet_new();
    ASSERT_TRUE(packet != NULL);
    ASSERT_TRUE(packet_append(packet, "body", 4) != NULL);
    memcpy(packet_push(packet, 4), "head", 4);
    EXPECT_EQ(packet->length, 8);
    EXPECT_EQ(memcmp(packet->data, "headbody", 8), 0);
    EXPECT_TRUE(packet_append(packet, NULL, PACKET_ROOM) == NULL);
    EXPECT_TRUE(packet_pull(packet, 9) == NULL);
    EXPECT_EQ(memcmp(packet_pull(packet, 4), "head", 4), 0);
    EXPECT_EQ(packet->length, 4);
    packet_free(packet);
}

/* -- A device that keeps what is sent through it ------------------------------------------------------------- */

static struct packet *sent;

static bool keep(struct net_device *device, struct packet *packet)
{
    (void)device;
    packet_free(sent);
    sent = packet;
    return true;
}

static struct net_device card = {.mac = {2, 0, 0, 0, 0, 1}, .send = keep, .address = IP4(192, 168, 7, 1),
                                 .mask = IP4(255, 255, 255, 0)};

static void deliver(const uint8_t *frame, size_t size)
{
    struct packet *packet = packet_new();
    packet_append(packet, frame, size);
    mutex_take(&net_lock);
    net_input(&card, packet);
    mutex_give(&net_lock);
}

TEST(net, answers_arp_requests_for_its_address_only)
{
    uint8_t request[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6,
                           0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 192, 168, 7, 9, 0, 0, 0, 0, 0, 0, 192, 168, 7, 1};
    packet_free(sent);
    sent = NULL;
    deliver(request, sizeof request);
    ASSERT_TRUE(sent && sent->length == 42);
    EXPECT_EQ(memcmp(sent->data, request + 6, 6), 0);       /* to who asked */
    EXPECT_EQ(load_be16(sent->data + 20), 2);               /* a reply */
    EXPECT_EQ(memcmp(sent->data + 22, card.mac, 6), 0);
    packet_free(sent);
    sent = NULL;
    request[41] = 2;
    deliver(request, sizeof request);
    EXPECT_TRUE(sent == NULL);
}

TEST(net, survives_frames_cut_at_every_length)
{
    uint8_t frame[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0,
                         192, 168, 7, 9, 192, 168, 7, 1, 0, 9, 0, 9, 0, 26, 0, 0};
    store_be16(frame + 24, checksum(0, frame + 14, 20));
    for (size_t size = 0; size <= sizeof frame; size++)
        deliver(frame, size);
    for (unsigned type = 0; type < 256; type += 17) {
        frame[23] = (uint8_t)type;
        store_be16(frame + 24, 0);
        store_be16(frame + 24, checksum(0, frame + 14, 20));
        deliver(frame, sizeof frame);
    }
    packet_free(sent);
    sent = NULL;
    EXPECT_TRUE(true);
}

static struct net_device *first_card(void)
{
    struct net_device *device = net_first();
    while (device && device->raw)
        device = device->next;
    return device;
}

TEST(net, pings_itself)
{
    uint64_t took = 0;
    EXPECT_TRUE(icmp_ping(IP4(127, 0, 0, 1), hal_time_ns() + 5 * NS_PER_S, &took));
    EXPECT_TRUE(took > 0);
}

TEST(net, gets_an_address_and_reaches_who_gave_it)
{
    struct net_device *device = first_card();
    uint64_t took;
    if (!device)
        return;
    ASSERT_TRUE(net_wait_configured(hal_time_ns() + 10 * NS_PER_S));
    EXPECT_TRUE(device->mask && device->server);
    EXPECT_TRUE(icmp_ping(device->server, hal_time_ns() + 5 * NS_PER_S, &took));
}
