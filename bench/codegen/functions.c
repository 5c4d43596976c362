/* The twins of the functions in bytes.py and objects.py: the same algorithms, as one writes them in C. */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define OUTPUT 32768

u64 copy_words(u64 arena, u64 count)
{
    const u64 *source = (const u64 *)arena;
    u64 *destination = (u64 *)(arena + OUTPUT);
    for (u64 index = 0; index < count; index++)
        destination[index] = source[index];
    return count;
}

u64 internet_checksum(u64 arena, u64 count)
{
    const u8 *data = (const u8 *)arena;
    u32 total = 0;
    for (u64 index = 0; index + 1 < count; index += 2)
        total += *(const u16 *)(data + index);
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return ~total & 0xffff;
}

#include "crc_table.h"

u64 crc32(u64 arena, u64 count)
{
    const u8 *data = (const u8 *)arena;
    u32 value = 0xffffffff;
    for (u64 index = 0; index < count; index++)
        value = value >> 8 ^ crc_table[(value ^ data[index]) & 0xff];
    return (u32)~value;
}

u64 fnv_hash(u64 arena, u64 count)
{
    const u8 *data = (const u8 *)arena;
    u64 value = 0xcbf29ce484222325;
    for (u64 index = 0; index < count; index++)
        value = (value ^ data[index]) * 0x100000001b3;
    return value;
}

static u64 rotate(u64 value, unsigned count)
{
    return value << count | value >> (64 - count);
}

u64 sip_rounds(u64 arena, u64 count)
{
    const u64 *words = (const u64 *)arena;
    u64 a = 0x736f6d6570736575, b = 0x646f72616e646f6d, c = 0x6c7967656e657261, d = 0x7465646279746573;
    for (u64 index = 0; index < count; index++) {
        u64 word = words[index];
        d ^= word;
        a += b;
        b = rotate(b, 13) ^ a;
        a = rotate(a, 32);
        c += d;
        d = rotate(d, 16) ^ c;
        a += d;
        d = rotate(d, 21) ^ a;
        c += b;
        b = rotate(b, 17) ^ c;
        c = rotate(c, 32);
        a ^= word;
    }
    return a ^ b ^ c ^ d;
}

static u64 find_clear(const u64 *words, u64 length, u64 start)
{
    u64 index = start / 64;
    while (index < length) {
        u64 clear = ~words[index];
        if (index == start / 64)
            clear &= ~0ul << start % 64;
        if (clear)
            return index * 64 + __builtin_ctzl(clear);
        index++;
    }
    return length * 64;
}

u64 bitmap_search(u64 arena, u64 count)
{
    u64 *words = (u64 *)arena;
    u64 taken = 0, bit = find_clear(words, count, 0);
    while (bit < count * 64) {
        words[bit / 64] |= 1ul << bit % 64;
        taken++;
        bit = find_clear(words, count, bit);
    }
    return taken;
}

u64 parse_path(u64 arena, u64 count)
{
    const char *path = (const char *)arena;
    u64 parts = 0, depth = 0, total = 0, position = 0;
    while (position < count) {
        while (position < count && path[position] == '/')
            position++;
        const char *part = path + position;
        u64 start = position;
        while (position < count && path[position] != '/')
            position++;
        u64 length = position - start;
        if (length == 0 || (length == 1 && part[0] == '.'))
            continue;
        parts++;
        if (length == 2 && part[0] == '.' && part[1] == '.') {
            if (depth > 0)
                depth--;
        } else {
            depth++;
            total += length + (u8)part[0];
        }
    }
    return parts * 65536 + depth * 256 + total % 256;
}

static u64 format_decimal(u8 *destination, u64 length, u64 value)
{
    u64 index = length;
    do {
        destination[--index] = value % 10 + '0';
        value /= 10;
    } while (value);
    return index;
}

u64 format_numbers(u64 arena, u64 count)
{
    const u32 *numbers = (const u32 *)arena;
    u8 *output = (u8 *)(arena + OUTPUT);
    u64 digits = 0;
    for (u64 index = 0; index < count; index++)
        digits += 16 - format_decimal(output + index * 16, 16, numbers[index]);
    return digits;
}

u64 sort_numbers(u64 arena, u64 count)
{
    u32 *numbers = (u32 *)arena;
    for (u64 sorted = 1; sorted < count; sorted++) {
        u32 value = numbers[sorted];
        u64 index = sorted;
        while (index > 0 && numbers[index - 1] > value) {
            numbers[index] = numbers[index - 1];
            index--;
        }
        numbers[index] = value;
    }
    return numbers[0];
}

static u64 translate(u64 root, u64 address)
{
    const u64 *table = (const u64 *)root;
    for (unsigned level = 4; level > 1; level--) {
        u64 entry = table[address >> (3 + 9 * level) & 511];
        if (!(entry & 1) || entry & 0x80)
            return 0;
        table = (const u64 *)(entry & 0x000ffffffffff000);
    }
    u64 entry = table[address >> 12 & 511];
    return entry & 1 ? (entry & 0x000ffffffffff000) + address % 4096 : 0;
}

u64 page_walk(u64 arena, u64 count)
{
    u64 mapped = 0;
    for (u64 page = 0; page < count; page++)
        if (translate(arena, page * 4096 + 5))
            mapped++;
    return mapped;
}

struct member {
    u64 key;
    struct member *next, *previous, *left, *right;
};

struct head {
    struct member *first, *last, *root;
    u64 count;
};

static void push_last(struct head *head, struct member *member)
{
    struct member *last = head->last;
    member->next = 0;
    member->previous = last;
    if (last)
        last->next = member;
    else
        head->first = member;
    head->last = member;
    head->count++;
}

static void list_remove(struct head *head, struct member *member)
{
    struct member *before = member->previous, *after = member->next;
    if (before)
        before->next = after;
    else
        head->first = after;
    if (after)
        after->previous = before;
    else
        head->last = before;
    head->count--;
}

static void insert(struct head *head, struct member *member)
{
    struct member **place = &head->root;
    while (*place)
        place = member->key < (*place)->key ? &(*place)->left : &(*place)->right;
    *place = member;
}

static struct member *at_or_below(struct head *head, u64 key)
{
    struct member *found = 0, *node = head->root;
    while (node) {
        if (node->key <= key) {
            found = node;
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return found;
}

static struct member *make_member(struct member *member, u64 key)
{
    *member = (struct member){.key = key};
    return member;
}

static struct head *make_head(u64 address)
{
    struct head *head = (struct head *)address;
    *head = (struct head){0};
    return head;
}

u64 list_operations(u64 arena, u64 count)
{
    const u32 *keys = (const u32 *)arena;
    struct head *head = make_head(arena + OUTPUT);
    struct member *members = (struct member *)(arena + OUTPUT + 64);
    for (u64 index = 0; index < count; index++)
        push_last(head, make_member(members + index, keys[index]));
    for (u64 index = 0; index < count; index += 3)
        list_remove(head, members + index);
    u64 total = 0;
    for (struct member *member = head->first; member; member = member->next)
        total += member->key;
    return total + head->count;
}

u64 tree_operations(u64 arena, u64 count)
{
    const u32 *keys = (const u32 *)arena;
    struct head *head = make_head(arena + OUTPUT);
    struct member *members = (struct member *)(arena + OUTPUT + 64);
    for (u64 index = 0; index < count; index++)
        insert(head, make_member(members + index, keys[index]));
    u64 total = 0;
    for (u64 index = 0; index < count; index++) {
        struct member *found = at_or_below(head, (u64)keys[index] + 1);
        if (found)
            total += found->key;
    }
    return total;
}

struct ring {
    u64 start, used;
    u8 storage[256];
};

static int put(struct ring *ring, u8 byte)
{
    if (ring->used >= 256)
        return 0;
    ring->storage[(ring->start + ring->used) % 256] = byte;
    ring->used++;
    return 1;
}

static u8 take(struct ring *ring)
{
    u8 byte = ring->storage[ring->start];
    ring->start = (ring->start + 1) % 256;
    ring->used--;
    return byte;
}

u64 ring_buffer(u64 arena, u64 count)
{
    const u8 *data = (const u8 *)arena;
    struct ring *ring = (struct ring *)(arena + OUTPUT);
    ring->start = ring->used = 0;
    for (u64 index = 0; index < 32; index++)
        ((u64 *)ring->storage)[index] = 0;
    u64 total = 0;
    for (u64 index = 0; index < count; index++) {
        if (!put(ring, data[index]) || !put(ring, data[index]))
            total += take(ring);
        total += take(ring);
    }
    return total + ring->used;
}
