/* Console device (virtio 1.2, 5.3), its first port only: one more serial line beside the machine's own. Output is handed
   over and waited for, so that the last words of a panic get out too. */
#include "console.h"
#include "mm.h"
#include "string.h"
#include "sync.h"
#include "virtio.h"

enum { CONSOLE_RECEIVE = 0, CONSOLE_TRANSMIT = 1, CHUNK = 256, CONSOLE_SPIN = 10000000 };

struct port {
    struct serial serial;
    struct virtqueue *receive, *transmit;
    struct lock lock;   /* of the transmit queue and its buffer */
    char in[CHUNK], out[CHUNK];
    uint32_t filled, delivered; /* of in, which is the device's when both are 0 */
};

static void listen(struct port *port)
{
    virtqueue_add(port->receive, &(struct virtio_buffer){port->in, CHUNK}, 0, 1, port);
    virtqueue_kick(port->receive);
}

/* The device gets its buffer back when the console took all of it. */
static void deliver(struct port *port)
{
    while (port->delivered < port->filled && console_wants())
        console_input(port->in[port->delivered++]);
    if (port->delivered < port->filled)
        return;
    port->filled = port->delivered = 0;
    listen(port);
}

static void console_received(void *arg)
{
    struct port *port = arg;
    uint32_t written;
    while (virtqueue_take(port->receive, &written)) {
        port->filled = MIN(written, (uint32_t)CHUNK);
        deliver(port);
    }
}

static void console_resumed(struct serial *serial)
{
    struct port *port = CONTAINER_OF(serial, struct port, serial);
    if (port->filled)
        deliver(port);
}

static bool write_chunk(struct port *port, const char *data, uint32_t size)
{
    uint32_t written;
    memcpy(port->out, data, size);
    if (!virtqueue_add(port->transmit, &(struct virtio_buffer){port->out, size}, 1, 0, port))
        return false;
    virtqueue_kick(port->transmit);
    for (int spin = 0; spin < CONSOLE_SPIN; spin++)
        if (virtqueue_take(port->transmit, &written))
            return true;
    return false; /* the device keeps the buffer: no more output here */
}

static void write_all(struct serial *serial, const char *data, size_t size)
{
    struct port *port = CONTAINER_OF(serial, struct port, serial);
    if (port->lock.held)
        return; /* a panic in the middle of a write */
    lock_take(&port->lock);
    for (size_t part; size; data += part, size -= part) {
        part = MIN(size, (size_t)CHUNK);
        if (!write_chunk(port, data, (uint32_t)part))
            break;
    }
    lock_give(&port->lock);
}

static void console_listen(struct serial *serial) { listen(CONTAINER_OF(serial, struct port, serial)); }

static const char *console_probe(struct device *device)
{
    struct virtio *virtio = device->bus;
    const char *failure = virtio_begin(virtio, 0);
    if (failure)
        return failure;
    struct port *port = kzalloc(sizeof *port);
    if (!port)
        return "out of memory";
    port->serial = (struct serial){.write = write_all, .start = console_listen, .resume = console_resumed};
    port->receive = virtio_queue(virtio, CONSOLE_RECEIVE, 4, console_received, port);
    port->transmit = virtio_queue(virtio, CONSOLE_TRANSMIT, 1, NULL, NULL); /* one buffer: a stuck device gets no second */
    if (!port->receive || !port->transmit)
        return "lacks a queue";
    virtio_ready(virtio);
    device->state = port;
    console_listen(&port->serial);
    console_attach(&port->serial);
    return NULL;
}
DRIVER(virtio_console, console_probe, "virtio:3");
