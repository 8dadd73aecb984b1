/* Intel 82540EM gigabit Ethernet ("e1000"). PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual
   317453-006: descriptors 3.2 and 3.4 (both of the old kind), registers chapter 13, start-up 14.3 to 14.5. */
#include "io.h"
#include "irq.h"
#include "mm.h"
#include "net.h"
#include "pci.h"
#include "string.h"
#include "timer.h"

enum { CTRL = 0x0000, STATUS = 0x0008, ICR = 0x00c0, IMS = 0x00d0, IMC = 0x00d8, RCTL = 0x0100, TCTL = 0x0400,
       TIPG = 0x0410, RDBAL = 0x2800, RDBAH = 0x2804, RDLEN = 0x2808, RDH = 0x2810, RDT = 0x2818, TDBAL = 0x3800,
       TDBAH = 0x3804, TDLEN = 0x3808, TDH = 0x3810, TDT = 0x3818, MTA = 0x5200, RAL0 = 0x5400, RAH0 = 0x5404,
       REGISTERS = 0x20000 };
enum { CTRL_SPEED_AUTO = 1 << 5, CTRL_LINK_UP = 1 << 6, CTRL_RESET = 1 << 26, STATUS_LINK_UP = 1 << 1,
       RAH_VALID = 1u << 31 };
enum { RCTL_ENABLE = 1 << 1, RCTL_BROADCAST = 1 << 15, RCTL_STRIP_CRC = 1 << 26 }; /* buffers of 2,048 bytes */
enum { TCTL_ENABLE = 1 << 1, TCTL_PAD = 1 << 3, TCTL_COLLISIONS = 0x0f << 4 | 0x40 << 12, TIPG_COPPER = 10 | 8 << 10 | 6 << 20 };
enum { INT_LINK = 1 << 2, INT_OVERRUN = 1 << 6, INT_RECEIVED = 1 << 7 };
enum { RX_DONE = 1, RX_END = 2, TX_END = 1, TX_CRC = 2, TX_REPORT = 8, TX_DONE = 1 };
enum { RING = 64, FRAME_MAX = 1514, RESET_SPIN = 1000, BUFFER = 2048, MULTICAST_WORDS = 128 };

struct rx_descriptor {
    uint64_t address;
    uint16_t length, checksum;
    uint8_t status, errors;
    uint16_t special;
};
struct tx_descriptor {
    uint64_t address;
    uint16_t length;
    uint8_t checksum_at, command, status, checksum_from;
    uint16_t special;
};

struct card {
    struct net_device net;
    uintptr_t base;
    volatile struct rx_descriptor *rx;
    volatile struct tx_descriptor *tx;
    uint8_t *rx_buffers;            /* RING of BUFFER bytes: the card may write all of one */
    struct packet *sent[RING];
    unsigned rx_next, tx_next, tx_clean;
    struct lock lock;               /* of the transmit ring */
};

static uint32_t get(const struct card *card, unsigned at) { return mmio_read32(card->base + at); }
static void put(const struct card *card, unsigned at, uint32_t value) { mmio_write32(card->base + at, value); }

/* Copies a frame out of its buffer, which goes back to the card at once. */
static void take_frame(struct card *card, volatile struct rx_descriptor *rx)
{
    bool whole = (rx->status & RX_END) && !rx->errors && rx->length <= FRAME_MAX;
    struct packet *packet = whole ? packet_new() : NULL;
    if (packet && packet_append(packet, card->rx_buffers + card->rx_next * BUFFER, rx->length)) {
        net_received(&card->net, packet);
    } else {
        card->net.dropped++;
        if (packet)
            packet_free(packet);
    }
}

static void receive(struct card *card)
{
    volatile struct rx_descriptor *rx;
    for (int i = 0; i < RING && (rx = &card->rx[card->rx_next])->status & RX_DONE; i++) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        take_frame(card, rx);
        rx->status = 0;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        put(card, RDT, card->rx_next); /* one short of a full ring, which would look empty */
        card->rx_next = (card->rx_next + 1) % RING;
    }
}

static void interrupt(void *arg)
{
    struct card *card = arg;
    while (get(card, ICR) & (INT_RECEIVED | INT_OVERRUN | INT_LINK)) /* reading quiets the line */
        receive(card);
}

static void free_sent(struct card *card)
{
    while (card->tx_clean != card->tx_next && (card->tx[card->tx_clean].status & TX_DONE)) {
        packet_free(card->sent[card->tx_clean]);
        card->tx_clean = (card->tx_clean + 1) % RING;
    }
}

static bool send(struct net_device *device, struct packet *packet)
{
    struct card *card = CONTAINER_OF(device, struct card, net);
    lock_take(&card->lock);
    free_sent(card);
    unsigned at = card->tx_next, next = (at + 1) % RING;
    bool queued = next != card->tx_clean;
    if (queued) {
        card->sent[at] = packet;
        card->tx[at].address = (uintptr_t)packet->data;
        card->tx[at].length = (uint16_t)packet->length;
        card->tx[at].status = 0;
        card->tx[at].command = TX_END | TX_CRC | TX_REPORT;
        card->tx_next = next;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        put(card, TDT, next);
    }
    lock_give(&card->lock);
    if (!queued) {
        device->dropped++;
        packet_free(packet);
    }
    return queued;
}

static bool e1000_link(struct net_device *device)
{
    return get(CONTAINER_OF(device, struct card, net), STATUS) & STATUS_LINK_UP;
}

static const char *reset(struct card *card)
{
    put(card, IMC, UINT32_MAX);
    put(card, CTRL, get(card, CTRL) | CTRL_RESET);
    for (int spin = 0; get(card, CTRL) & CTRL_RESET; spin++)
        if (spin == RESET_SPIN)
            return "does not come out of reset";
    put(card, IMC, UINT32_MAX);
    put(card, CTRL, get(card, CTRL) | CTRL_LINK_UP | CTRL_SPEED_AUTO);
    return NULL;
}

/* The address that the card has read from its EEPROM into its first receive filter. */
static const char *read_address(struct card *card)
{
    uint32_t low = get(card, RAL0), high = get(card, RAH0);
    for (unsigned i = 0; i < MAC_SIZE; i++)
        card->net.mac[i] = (uint8_t)(i < 4 ? low >> 8 * i : high >> 8 * (i - 4));
    return high & RAH_VALID ? NULL : "has no address";
}

static const char *make_rings(struct card *card)
{
    card->rx = kzalloc(RING * sizeof *card->rx); /* a page's half and less is aligned to 16, as 3.2.6 asks */
    card->tx = kzalloc(RING * sizeof *card->tx);
    card->rx_buffers = kmalloc(RING * BUFFER);
    if (!card->rx || !card->tx || !card->rx_buffers)
        return "out of memory";
    for (unsigned i = 0; i < RING; i++)
        card->rx[i].address = (uintptr_t)(card->rx_buffers + i * BUFFER);
    uint64_t rx = (uintptr_t)card->rx, tx = (uintptr_t)card->tx;
    const uint32_t settings[][2] = {
        {RDBAL, (uint32_t)rx}, {RDBAH, (uint32_t)(rx >> 32)}, {RDLEN, RING * sizeof *card->rx}, {RDH, 0}, {RDT, RING - 1},
        {TDBAL, (uint32_t)tx}, {TDBAH, (uint32_t)(tx >> 32)}, {TDLEN, RING * sizeof *card->tx}, {TDH, 0}, {TDT, 0},
        {TIPG, TIPG_COPPER}, {TCTL, TCTL_ENABLE | TCTL_PAD | TCTL_COLLISIONS},
        {RCTL, RCTL_ENABLE | RCTL_BROADCAST | RCTL_STRIP_CRC},
    };
    for (unsigned i = 0; i < MULTICAST_WORDS; i++)
        put(card, MTA + 4 * i, 0);
    for (unsigned i = 0; i < ARRAY_LEN(settings); i++)
        put(card, settings[i][0], settings[i][1]);
    return NULL;
}

static const char *e1000_probe(struct device *device)
{
    struct pci_function *function = device->bus;
    uintptr_t base = pci_map(function, 0, 0, REGISTERS);
    if (!base || !device->line_count)
        return "has no registers or no interrupt";
    struct card *card = kzalloc(sizeof *card);
    if (!card)
        return "out of memory";
    card->base = base;
    pci_enable(function);
    const char *failure = reset(card);
    if (!failure)
        failure = read_address(card);
    if (!failure)
        failure = make_rings(card);
    if (failure)
        return failure;
    card->net.send = send;
    card->net.link = e1000_link;
    device->state = card;
    irq_register(device->lines[0], interrupt, card);
    put(card, IMS, INT_RECEIVED | INT_OVERRUN | INT_LINK);
    net_register(&card->net);
    return NULL;
}
DRIVER(e1000, e1000_probe, "pci:8086:100e");
