/* Packets, their checksum, and addresses as text (net.h). */
#include "mm.h"
#include "net_internal.h"
#include "panic.h"
#include "print.h"
#include "string.h"

struct packet *packet_new(void)
{
    struct packet *packet = kmalloc(sizeof *packet);
    if (packet) {
        packet->next = NULL;
        packet->device = NULL;
        packet->data = packet->room + PACKET_HEADROOM;
        packet->length = 0;
    }
    return packet;
}

void packet_free(struct packet *packet) { kfree(packet); }

void *packet_push(struct packet *packet, size_t size)
{
    ASSERT(size <= (size_t)(packet->data - packet->room));
    packet->data -= size;
    packet->length += size;
    return packet->data;
}

void *packet_pull(struct packet *packet, size_t size)
{
    if (size > packet->length)
        return NULL;
    void *front = packet->data;
    packet->data += size;
    packet->length -= size;
    return front;
}

void *packet_append(struct packet *packet, const void *data, size_t size)
{
    uint8_t *end = packet->data + packet->length;
    if (size > (size_t)(packet->room + PACKET_ROOM - end))
        return NULL;
    if (data)
        memcpy(end, data, size);
    packet->length += size;
    return end;
}

static uint32_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

static uint32_t add_pairs(uint32_t sum, const uint8_t *at, size_t size)
{
    for (; size > 1; size -= 2, at += 2) {
        sum += (uint32_t)(at[0] << 8 | at[1]);
        if (sum >> 31)
            sum = (sum & 0xffff) + (sum >> 16);
    }
    return size ? sum + (uint32_t)(at[0] << 8) : sum;
}

/* Pairs of bytes may be added several at a time and in this machine's order of bytes, if the sum is folded to one pair
   and read as a pair in the end: RFC 1071, 2. */
uint32_t checksum_add(uint32_t sum, const void *data, size_t size)
{
    typedef uint64_t __attribute__((may_alias)) word;
    const uint8_t *at = data;
    size_t lead = -(uintptr_t)at % sizeof(word);
    if (lead % 2 || size < lead + sizeof(word))
        return add_pairs(sum, at, size);
    sum = add_pairs(sum, at, lead);
    at += lead;
    size -= lead;
    uint64_t wide = 0;
    for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
        uint64_t four = *(const word *)(const void *)at;
        wide += (four & 0xffffffff) + (four >> 32);
    }
    uint16_t pair = (uint16_t)fold(wide);
    return add_pairs(sum + load_be16((const uint8_t *)&pair), at, size);
}

uint16_t checksum(uint32_t sum, const void *data, size_t size)
{
    return (uint16_t)~fold(checksum_add(sum, data, size));
}

const char *ip4_text(ip4 a, char out[IP4_TEXT])
{
    ksnprintf(out, IP4_TEXT, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
    return out;
}

bool ip4_parse(const char *text, ip4 *address)
{
    ip4 sum = 0;
    for (int part = 0; part < 4; part++) {
        unsigned value = 0, digits = 0;
        for (; text_is_digit(*text) && digits < 4; text++, digits++)
            value = value * 10 + (unsigned)(*text - '0');
        if (!digits || value > 255 || *text++ != (part < 3 ? '.' : 0))
            return false;
        sum = sum << 8 | value;
    }
    *address = sum;
    return true;
}

const char *mac_text(const uint8_t m[MAC_SIZE], char out[MAC_TEXT])
{
    ksnprintf(out, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    return out;
}
